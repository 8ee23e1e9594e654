/* gemm with vpmaddubsw and weights of 4 or 2 bits, see tfp_pack_low.h.
 *
 * The weights are the unsigned operand: at most 15, so that the parts of a byte can be summed in
 * 16 bits (2 * 2 * 15 * 128 and 4 * 2 * 3 * 128 stay below 2^15). What was added to every weight
 * is taken off with the sum of the column. */
#ifndef TFP_GEMM_LOW_AVX2_H_
#define TFP_GEMM_LOW_AVX2_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_panels_x86.h"
#include "../common/tfp_sum_s8.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

enum { kLowTile = 3, kLowBatch = 2 };

/* Shifts by the place of a part; the instruction wants literal counts, without optimization too. */
TFP_TARGET_AVX2 TFP_INLINE __m256i tfp_low_shift(const int count, __m256i bytes) {
  switch (count) {
    case 2:
      return _mm256_srli_epi16(bytes, 2);
    case 4:
      return _mm256_srli_epi16(bytes, 4);
    case 6:
      return _mm256_srli_epi16(bytes, 6);
    default:
      return bytes;
  }
}

TFP_TARGET_AVX2 TFP_INLINE void tfp_low_tile(const int bits, const int tile, const int batch,
                                             const uint8_t *starts, const uint8_t *w, size_t steps,
                                             const int8_t *x, ptrdiff_t x_stride,
                                             const int32_t *offsets, int32_t *acc,
                                             size_t acc_stride) {
  const int parts = 8 / bits;
  const __m256i mask = _mm256_set1_epi8((char)((1 << bits) - 1)), ones = _mm256_set1_epi16(1);
  __m256i sum[kLowTile][kLowBatch][2];
  for (int t = 0; t < tile; ++t) {
    for (int half = 0; half < 2; ++half) {
      const uint8_t *start = starts + 64 * t + 32 * half;
      const __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)start);
      for (int n = 0; n < batch; ++n) {
        sum[t][n][half] = _mm256_add_epi32(first, _mm256_set1_epi32(offsets[n]));
      }
    }
  }
  for (size_t k = 0; k < steps; ++k, w += 64 * tile, x += 4 * parts) {
    for (int t = 0; t < tile; ++t) {
      for (int half = 0; half < 2; ++half) {
        const uint8_t *at = w + 64 * t + 32 * half;
        const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
        __m256i pairs[kLowBatch];
        for (int p = 0; p < parts; ++p) {
          const __m256i part = _mm256_and_si256(tfp_low_shift(bits * p, bytes), mask);
          for (int n = 0; n < batch; ++n) {
            int32_t four;
            memcpy(&four, x + n * x_stride + 4 * p, sizeof four);
            const __m256i product = _mm256_maddubs_epi16(part, _mm256_set1_epi32(four));
            pairs[n] = p == 0 ? product : _mm256_add_epi16(pairs[n], product);
          }
        }
        for (int n = 0; n < batch; ++n) {
          sum[t][n][half] = _mm256_add_epi32(sum[t][n][half], _mm256_madd_epi16(pairs[n], ones));
        }
      }
    }
  }
  for (int t = 0; t < tile; ++t) {
    for (int n = 0; n < batch; ++n) {
      int32_t *out = acc + (size_t)n * acc_stride + (size_t)t * 16;
      _mm256_storeu_si256((__m256i *)(void *)out, sum[t][n][0]);
      _mm256_storeu_si256((__m256i *)(void *)(out + 8), sum[t][n][1]);
    }
  }
}

/* All columns over a panel of `tile` blocks, two or one at a time: it stays in the first-level
 * cache.
 */
TFP_TARGET_AVX2 TFP_INLINE void tfp_low_columns(const int bits, const int tile, size_t batch,
                                                const uint8_t *panel, size_t steps, const int8_t *x,
                                                ptrdiff_t x_stride, const int32_t *offsets,
                                                int32_t *acc, size_t acc_stride) {
  const uint8_t *w = panel + 64 * tile;
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    tfp_low_tile(bits, tile, 2, panel, w, steps, x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                 acc + n * acc_stride, acc_stride);
  }
  if (n < batch) {
    tfp_low_tile(bits, tile, 1, panel, w, steps, x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                 acc + n * acc_stride, acc_stride);
  }
}

TFP_TARGET_AVX2 TFP_INLINE void tfp_gemm_low_avx2(const int bits, const void *blocks_packed,
                                                  size_t blocks, size_t depth, size_t batch,
                                                  const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                                                  size_t acc_stride) {
  const size_t step = 32 / (size_t)bits, steps = (depth + step - 1) / step;
  const size_t bytes = 64 * (steps + 1);
  const uint8_t *w = blocks_packed;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    const int32_t sum = tfp_sum_s8(x + (ptrdiff_t)n * x_stride, steps * step);
    offsets[n] = -sum * (1 << (bits - 1));
  }
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_columns_ymm, blocks);
    if (width == 2) {
      tfp_low_columns(bits, 2, batch, w, steps, x, x_stride, offsets, acc, acc_stride);
    } else {
      tfp_low_columns(bits, 1, batch, w, steps, x, x_stride, offsets, acc, acc_stride);
    }
    w += width * bytes;
    acc += 16 * width;
    blocks -= width;
  }
}

#endif
