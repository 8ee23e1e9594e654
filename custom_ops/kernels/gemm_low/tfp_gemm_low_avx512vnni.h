/* gemm with vpdpbusd and weights of 4 or 2 bits, see tfp_pack_low_rows.h.
 *
 * The weights are the unsigned operand. A byte holds those of 2 or 4 rows for the same x, so the
 * product of the whole byte is a sum of theirs, weighted by 2^(bits * row): with that of its lower
 * rows alone, which a mask leaves over, the difference is the last row's. Two rows take one mask
 * and two products, where bytes of several columns take two of each. A block that is alone in its
 * panel has those, its parts with accumulators of their own, which are shifted once at the end.
 * What was added to every weight is taken off with the sum of the column.
 *
 * No sum overflows: products of whole bytes stay below 255 * 128 * 65536 < 2^31. */
#ifndef TFP_GEMM_LOW_AVX512VNNI_H_
#define TFP_GEMM_LOW_AVX512VNNI_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_panels_x86.h"
#include "../common/tfp_prefetch_x86.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* Of one tile at most: registers a step, and columns. */
enum { kLowSets = 3, kLowBatch = 4 };

TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_low_divide(const int count, __m512i sums) {
  switch (count) {
    case 2:
      return _mm512_srai_epi32(sums, 2);
    case 4:
      return _mm512_srai_epi32(sums, 4);
    case 6:
      return _mm512_srai_epi32(sums, 6);
    default:
      return sums;
  }
}

/* -2^(bits - 1) times the sum of `count` values, a multiple of 4. */
TFP_TARGET_AVX512VNNI TFP_INLINE int32_t tfp_low_offset(const int bits, const int8_t *x,
                                                        size_t count) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  size_t k = 0;
  for (; k + 64 <= count; k += 64) sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(x + k));
  const __mmask16 rest = (__mmask16)((1u << ((count - k) / 4)) - 1u);
  sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi32(rest, x + k));
  return -_mm512_reduce_add_epi32(sum) * (1 << (bits - 1));
}

TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_low_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_set1_epi32(four);
}

/* A panel of `sets` registers a step, of 8 / bits blocks each, times `batch` columns. `phases` 2
 * keeps two sets of accumulators, because few chains of products wait for their latency. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_tile(const int bits, const int sets, const int batch,
                                                   const uint8_t *panel, size_t groups,
                                                   const int8_t *x, ptrdiff_t x_stride,
                                                   const int32_t *offsets, int32_t *acc,
                                                   size_t acc_stride) {
  const int shared = 8 / bits, phases = batch == 1 ? 2 : 1;
  const uint8_t *w = panel + 64 * sets * shared;
  __m512i sum[2][kLowSets][4][kLowBatch];
  TFP_UNROLL
  for (int p = 0; p < phases; ++p) {
    TFP_UNROLL
    for (int s = 0; s < sets; ++s) {
      TFP_UNROLL
      for (int row = 0; row < shared; ++row) {
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) sum[p][s][row][n] = _mm512_setzero_si512();
      }
    }
  }
  /* Groups are as many as rows in a byte, an even number. */
  for (size_t k = 0; k < groups; k += (size_t)phases, w += 64 * sets * phases, x += 4 * phases) {
    if (batch == 1) tfp_prefetch_ahead(w);
    TFP_UNROLL
    for (int p = 0; p < phases; ++p) {
      __m512i v[kLowBatch];
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) v[n] = tfp_low_broadcast(x + n * x_stride + 4 * p);
      TFP_UNROLL
      for (int s = 0; s < sets; ++s) {
        __m512i bytes = _mm512_loadu_si512(w + 64 * s + 64 * sets * p);
        TFP_KEEP_IN_REGISTER(bytes);
        TFP_UNROLL
        for (int row = 0; row < shared; ++row) {
          const __m512i mask = _mm512_set1_epi8((char)((1 << (bits * (row + 1))) - 1));
          const __m512i lower = row < shared - 1 ? _mm512_and_si512(bytes, mask) : bytes;
          TFP_UNROLL
          for (int n = 0; n < batch; ++n) {
            sum[p][s][row][n] = _mm512_dpbusd_epi32(sum[p][s][row][n], lower, v[n]);
          }
        }
      }
    }
  }
  /* Else what comes after the loop takes the registers that it is short of. */
  TFP_READ_LATER(offsets);
  TFP_UNROLL
  for (int s = 0; s < sets; ++s) {
    TFP_UNROLL
    for (int row = 0; row < shared; ++row) {
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        if (phases == 2) {
          sum[0][s][row][n] = _mm512_add_epi32(sum[0][s][row][n], sum[1][s][row][n]);
        }
        TFP_KEEP_IN_REGISTER(sum[0][s][row][n]);
      }
    }
  }
  TFP_UNROLL
  for (int s = 0; s < sets; ++s) {
    TFP_UNROLL
    for (int row = 0; row < shared; ++row) {
      const int t = s * shared + row;
      const __m512i start = _mm512_loadu_si512(panel + 64 * t);
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        __m512i own = sum[0][s][row][n];
        if (row > 0) {
          own = tfp_low_divide(bits * row, _mm512_sub_epi32(own, sum[0][s][row - 1][n]));
        }
        own = _mm512_add_epi32(own, _mm512_add_epi32(start, _mm512_set1_epi32(offsets[n])));
        _mm512_storeu_si512(acc + (size_t)n * acc_stride + t * TFP_ROW_BLOCK, own);
      }
    }
  }
}

/* A block that is alone in its panel. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_alone(const int bits, const int batch,
                                                    const uint8_t *panel, size_t steps,
                                                    const int8_t *x, ptrdiff_t x_stride,
                                                    const int32_t *offsets, int32_t *acc,
                                                    size_t acc_stride) {
  const int parts = 8 / bits;
  const uint8_t *w = panel + 64;
  __m512i sum[4][kLowBatch];
  TFP_UNROLL
  for (int p = 0; p < parts; ++p) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) sum[p][n] = _mm512_setzero_si512();
  }
  for (size_t k = 0; k < steps; ++k, w += 64, x += 4 * parts) {
    __m512i bytes = _mm512_loadu_si512(w);
    TFP_KEEP_IN_REGISTER(bytes);
    TFP_UNROLL
    for (int p = 0; p < parts; ++p) {
      const __m512i mask = _mm512_set1_epi8((char)(((1 << bits) - 1) << (bits * p)));
      const __m512i part = _mm512_and_si512(bytes, mask);
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        sum[p][n] =
            _mm512_dpbusd_epi32(sum[p][n], part, tfp_low_broadcast(x + n * x_stride + 4 * p));
      }
    }
  }
  TFP_READ_LATER(offsets);
  TFP_UNROLL
  for (int p = 0; p < parts; ++p) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) TFP_KEEP_IN_REGISTER(sum[p][n]);
  }
  TFP_UNROLL
  for (int n = 0; n < batch; ++n) {
    TFP_UNROLL
    for (int p = 1; p < parts; ++p) {
      sum[0][n] = _mm512_add_epi32(sum[0][n], tfp_low_divide(bits * p, sum[p][n]));
    }
    const __m512i start =
        _mm512_add_epi32(_mm512_loadu_si512(panel), _mm512_set1_epi32(offsets[n]));
    _mm512_storeu_si512(acc + (size_t)n * acc_stride, _mm512_add_epi32(sum[0][n], start));
  }
}

/* A panel of `width` blocks times `batch` columns. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_panel(const int bits, const int batch,
                                                    const uint8_t *panel, size_t width,
                                                    size_t steps, const int8_t *x,
                                                    ptrdiff_t x_stride, const int32_t *offsets,
                                                    int32_t *acc, size_t acc_stride) {
  const size_t shared = 8 / (size_t)bits, groups = steps * shared;
  if (width == 1) {
    tfp_low_alone(bits, batch, panel, steps, x, x_stride, offsets, acc, acc_stride);
  } else if (width == 3 * shared && bits == 4) {
    tfp_low_tile(bits, 3, batch, panel, groups, x, x_stride, offsets, acc, acc_stride);
  } else if (width == 2 * shared && bits == 4) {
    tfp_low_tile(bits, 2, batch, panel, groups, x, x_stride, offsets, acc, acc_stride);
  } else {
    tfp_low_tile(bits, 1, batch, panel, groups, x, x_stride, offsets, acc, acc_stride);
  }
}

/* A panel times all columns: more than four take turns over it, which is in a near cache then. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_columns(const int bits, size_t batch,
                                                      const uint8_t *panel, size_t width,
                                                      size_t steps, const int8_t *x,
                                                      ptrdiff_t x_stride, const int32_t *offsets,
                                                      int32_t *acc, size_t acc_stride) {
  while (batch > 0) {
    /* 5 columns are 3 and 2, not 4 and 1. */
    const size_t columns = batch > kLowBatch ? (batch + 1) / 2 : batch;
    switch (columns) {
      case 1:
        tfp_low_panel(bits, 1, panel, width, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      case 2:
        tfp_low_panel(bits, 2, panel, width, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      case 3:
        tfp_low_panel(bits, 3, panel, width, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      default:
        tfp_low_panel(bits, 4, panel, width, steps, x, x_stride, offsets, acc, acc_stride);
        break;
    }
    batch -= columns;
    x += (ptrdiff_t)columns * x_stride;
    offsets += columns;
    acc += columns * acc_stride;
  }
}

TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_gemm_low_avx512vnni(
    const int bits, const void *blocks_packed, size_t blocks, size_t depth, size_t batch,
    const int8_t *x, ptrdiff_t x_stride, int32_t *acc, size_t acc_stride) {
  const size_t step = 32 / (size_t)bits, steps = (depth + step - 1) / step;
  const uint8_t *w = blocks_packed;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    offsets[n] = tfp_low_offset(bits, x + (ptrdiff_t)n * x_stride, steps * step);
  }
  while (blocks > 0) {
    const size_t width = tfp_first_panel(bits == 4 ? tfp_panels_pairs : tfp_panels_quads, blocks);
    tfp_low_columns(bits, batch, w, width, steps, x, x_stride, offsets, acc, acc_stride);
    w += 64 * width * (steps + 1);
    acc += width * TFP_ROW_BLOCK;
    blocks -= width;
  }
}

#endif
