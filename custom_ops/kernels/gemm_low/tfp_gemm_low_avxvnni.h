/* gemm with vpdpbusd on ymm registers and weights of 4 or 2 bits, see tfp_pack_low_rows.h.
 *
 * The weights are the unsigned operand. A byte holds those of 2 or 4 rows for the same x, so the
 * product of the whole byte is a sum of theirs, weighted by 2^(bits * row): with that of its lower
 * rows alone, which a mask leaves over, the difference is the last row's. What was added to every
 * weight is taken off with the sum of the column. No sum overflows: products of whole bytes stay
 * below 255 * 128 * 65536 < 2^31. */
#ifndef TFP_GEMM_LOW_AVXVNNI_H_
#define TFP_GEMM_LOW_AVXVNNI_H_

#include "../common/tfp_dot_avxvnni.h"
#include "../common/tfp_panels_x86.h"
#include "../common/tfp_sum_s8.h"

enum { kLowSets = 3, kLowBatch = 2 /* of a block that is alone */ };

/* Shifts by the place of a row; the instruction wants literal counts, without optimization too. */
TFP_TARGET_AVXVNNI TFP_INLINE __m256i tfp_low_divide(const int count, __m256i sums) {
  switch (count) {
    case 2:
      return _mm256_srai_epi32(sums, 2);
    case 4:
      return _mm256_srai_epi32(sums, 4);
    case 6:
      return _mm256_srai_epi32(sums, 6);
    default:
      return sums;
  }
}

/* Part `part` of each byte; the instruction wants literal counts, without optimization too. */
TFP_TARGET_AVXVNNI TFP_INLINE __m256i tfp_low_part(const int bits, const int part, __m256i bytes) {
  const __m256i mask = _mm256_set1_epi8((char)((1 << bits) - 1));
  switch (bits * part) {
    case 2:
      return _mm256_and_si256(_mm256_srli_epi16(bytes, 2), mask);
    case 4:
      return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
    case 6:
      return _mm256_and_si256(_mm256_srli_epi16(bytes, 6), mask);
    default:
      return _mm256_and_si256(bytes, mask);
  }
}

/* A panel of `sets` times 8 / bits blocks times one column. */
TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_tile(const int bits, const int sets,
                                                const uint8_t *panel, size_t groups,
                                                const int8_t *x, int32_t offset, int32_t *acc) {
  const int shared = 8 / bits;
  const uint8_t *w = panel + 64 * sets * shared;
  __m256i sum[kLowSets][4][2];
  TFP_UNROLL
  for (int s = 0; s < sets; ++s) {
    TFP_UNROLL
    for (int row = 0; row < shared; ++row) {
      sum[s][row][0] = _mm256_setzero_si256();
      sum[s][row][1] = _mm256_setzero_si256();
    }
  }
  for (size_t k = 0; k < groups; ++k, w += 64 * sets, x += 4) {
    const __m256i v = tfp_dot_broadcast(x);
    TFP_UNROLL
    for (int s = 0; s < sets; ++s) {
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        __m256i bytes = tfp_dot_load(w + 64 * s + 32 * half);
        TFP_KEEP_IN_REGISTER(bytes);
        TFP_UNROLL
        for (int row = 0; row < shared; ++row) {
          const __m256i mask = _mm256_set1_epi8((char)((1 << (bits * (row + 1))) - 1));
          const __m256i lower = row < shared - 1 ? _mm256_and_si256(bytes, mask) : bytes;
          sum[s][row][half] = TFP_DOT_AVXVNNI(sum[s][row][half], lower, v);
        }
      }
    }
  }
  /* Else what comes after the loop takes the registers that it is short of. */
  TFP_UNROLL
  for (int s = 0; s < sets; ++s) {
    TFP_UNROLL
    for (int row = 0; row < shared; ++row) {
      TFP_KEEP_IN_REGISTER(sum[s][row][0]);
      TFP_KEEP_IN_REGISTER(sum[s][row][1]);
    }
  }
  TFP_UNROLL
  for (int s = 0; s < sets; ++s) {
    TFP_UNROLL
    for (int row = 0; row < shared; ++row) {
      const int t = s * shared + row;
      __m256i total[2];
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        __m256i own = sum[s][row][half];
        if (row > 0) own = tfp_low_divide(bits * row, _mm256_sub_epi32(own, sum[s][row - 1][half]));
        const __m256i start = tfp_dot_load(panel + 64 * t + 32 * half);
        total[half] = _mm256_add_epi32(_mm256_add_epi32(start, _mm256_set1_epi32(offset)), own);
      }
      tfp_dot_store(acc + t * TFP_ROW_BLOCK, total[0], total[1]);
    }
  }
}

/* A block that is alone in its panel, with several columns in a byte, see tfp_pack_low.h. */
TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_alone(const int bits, const int batch,
                                                 const uint8_t *panel, size_t steps,
                                                 const int8_t *x, ptrdiff_t x_stride,
                                                 const int32_t *offsets, int32_t *acc,
                                                 size_t acc_stride) {
  const int parts = 8 / bits;
  __m256i sum[kLowBatch][2];
  TFP_UNROLL
  for (int n = 0; n < batch; ++n) {
    const __m256i offset = _mm256_set1_epi32(offsets[n]);
    sum[n][0] = _mm256_add_epi32(tfp_dot_load(panel), offset);
    sum[n][1] = _mm256_add_epi32(tfp_dot_load(panel + 32), offset);
  }
  const uint8_t *w = panel + 64;
  for (size_t k = 0; k < steps; ++k, w += 64, x += 4 * parts) {
    TFP_UNROLL
    for (int half = 0; half < 2; ++half) {
      const __m256i bytes = tfp_dot_load(w + 32 * half);
      TFP_UNROLL
      for (int p = 0; p < parts; ++p) {
        const __m256i part = tfp_low_part(bits, p, bytes);
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) {
          const __m256i v = tfp_dot_broadcast(x + n * x_stride + 4 * p);
          sum[n][half] = TFP_DOT_AVXVNNI(sum[n][half], part, v);
        }
      }
    }
  }
  TFP_UNROLL
  for (int n = 0; n < batch; ++n) {
    tfp_dot_store(acc + (size_t)n * acc_stride, sum[n][0], sum[n][1]);
  }
}

/* A panel of `sets` times 8 / bits blocks times all columns, one after another: the panel stays in
 * the first-level cache, and ports that products cannot use do the masks. */
TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_panel(const int bits, const int sets, size_t batch,
                                                 const uint8_t *panel, size_t groups,
                                                 const int8_t *x, ptrdiff_t x_stride,
                                                 const int32_t *offsets, int32_t *acc,
                                                 size_t acc_stride) {
  for (size_t n = 0; n < batch; ++n) {
    tfp_low_tile(bits, sets, panel, groups, x + (ptrdiff_t)n * x_stride, offsets[n],
                 acc + n * acc_stride);
  }
}

TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_alone_columns(const int bits, size_t batch,
                                                         const uint8_t *panel, size_t steps,
                                                         const int8_t *x, ptrdiff_t x_stride,
                                                         const int32_t *offsets, int32_t *acc,
                                                         size_t acc_stride) {
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    tfp_low_alone(bits, 2, panel, steps, x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                  acc + n * acc_stride, acc_stride);
  }
  if (n < batch) {
    tfp_low_alone(bits, 1, panel, steps, x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                  acc + n * acc_stride, acc_stride);
  }
}

TFP_TARGET_AVXVNNI TFP_INLINE void tfp_gemm_low_avxvnni(const int bits, const void *blocks_packed,
                                                        size_t blocks, size_t depth, size_t batch,
                                                        const int8_t *x, ptrdiff_t x_stride,
                                                        int32_t *acc, size_t acc_stride) {
  const size_t step = 32 / (size_t)bits, steps = (depth + step - 1) / step;
  const size_t shared = 8 / (size_t)bits, groups = steps * shared;
  const uint8_t *w = blocks_packed;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    /* What is past the depth counts here too: the weights there are 2^(bits - 1). */
    const int32_t sum = tfp_sum_s8(x + (ptrdiff_t)n * x_stride, steps * step);
    offsets[n] = -sum * (1 << (bits - 1));
  }
  while (blocks > 0) {
    const size_t width = tfp_first_panel(bits == 4 ? tfp_panels_pairs : tfp_panels_quads, blocks);
    if (width == 1) {
      tfp_low_alone_columns(bits, batch, w, steps, x, x_stride, offsets, acc, acc_stride);
    } else if (width == 3 * shared && bits == 4) {
      tfp_low_panel(bits, 3, batch, w, groups, x, x_stride, offsets, acc, acc_stride);
    } else if (width == 2 * shared && bits == 4) {
      tfp_low_panel(bits, 2, batch, w, groups, x, x_stride, offsets, acc, acc_stride);
    } else {
      tfp_low_panel(bits, 1, batch, w, groups, x, x_stride, offsets, acc, acc_stride);
    }
    w += 64 * width * (steps + 1);
    acc += 16 * width;
    blocks -= width;
  }
}

#endif
