/* gemm with vpdpbusd on ymm registers and weights of 4 or 2 bits, see tfp_pack_low.h. The weights
 * are the unsigned operand; what was added to every weight is taken off with the sum of the column.
 */
#ifndef TFP_GEMM_LOW_AVXVNNI_H_
#define TFP_GEMM_LOW_AVXVNNI_H_

#include "../common/tfp_dot_avxvnni.h"
#include "../common/tfp_prefetch_x86.h"
#include "../common/tfp_sum_s8.h"

enum { kLowTile = 6, kLowBatch = 2 };

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

TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_tile(const int bits, const int tile, const int batch,
                                                const uint8_t *blocks, size_t block_bytes,
                                                size_t steps, const int8_t *x, ptrdiff_t x_stride,
                                                const int32_t *offsets, int32_t *acc,
                                                size_t acc_stride) {
  const int parts = 8 / bits;
  __m256i sum[kLowTile][kLowBatch][2];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    const uint8_t *start = blocks + (size_t)t * block_bytes;
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      const __m256i offset = _mm256_set1_epi32(offsets[n]);
      sum[t][n][0] = _mm256_add_epi32(tfp_dot_load(start), offset);
      sum[t][n][1] = _mm256_add_epi32(tfp_dot_load(start + 32), offset);
    }
  }
  tfp_prefetch_blocks(tile, blocks + (size_t)tile * block_bytes, block_bytes);
  const uint8_t *w = blocks + 64;
  for (size_t k = 0; k < steps; ++k, w += 64, x += 4 * parts) {
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        const __m256i bytes = tfp_dot_load(w + (size_t)t * block_bytes + 32 * half);
        TFP_UNROLL
        for (int p = 0; p < parts; ++p) {
          const __m256i part = tfp_low_part(bits, p, bytes);
          TFP_UNROLL
          for (int n = 0; n < batch; ++n) {
            const __m256i v = tfp_dot_broadcast(x + n * x_stride + 4 * p);
            sum[t][n][half] = TFP_DOT_AVXVNNI(sum[t][n][half], part, v);
          }
        }
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      tfp_dot_store(acc + (size_t)n * acc_stride + (size_t)t * 16, sum[t][n][0], sum[t][n][1]);
    }
  }
}

/* All columns over `wide` blocks, two or one at a time: the tile stays in the first-level cache. */
TFP_TARGET_AVXVNNI TFP_INLINE void tfp_low_columns(const int bits, const int wide, const int narrow,
                                                   size_t batch, const uint8_t *w, size_t bytes,
                                                   size_t steps, const int8_t *x,
                                                   ptrdiff_t x_stride, const int32_t *offsets,
                                                   int32_t *acc, size_t acc_stride) {
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    for (int t = 0; t < wide; t += narrow) {
      tfp_low_tile(bits, narrow, 2, w + (size_t)t * bytes, bytes, steps,
                   x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                   acc + n * acc_stride + t * 16, acc_stride);
    }
  }
  if (n < batch) {
    tfp_low_tile(bits, wide, 1, w, bytes, steps, x + (ptrdiff_t)n * x_stride, x_stride, offsets + n,
                 acc + n * acc_stride, acc_stride);
  }
}

TFP_TARGET_AVXVNNI TFP_INLINE void tfp_gemm_low_avxvnni(const int bits, const void *blocks_packed,
                                                        size_t blocks, size_t depth, size_t batch,
                                                        const int8_t *x, ptrdiff_t x_stride,
                                                        int32_t *acc, size_t acc_stride) {
  const size_t step = 32 / (size_t)bits, steps = (depth + step - 1) / step;
  const size_t bytes = 64 * (steps + 1);
  const uint8_t *w = blocks_packed;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    /* What is past the depth counts here too: the weights there are 2^(bits - 1). */
    const int32_t sum = tfp_sum_s8(x + (ptrdiff_t)n * x_stride, steps * step);
    offsets[n] = -sum * (1 << (bits - 1));
  }
  for (; blocks >= kLowTile; blocks -= kLowTile, w += kLowTile * bytes, acc += kLowTile * 16) {
    tfp_low_columns(bits, kLowTile, kLowTile / 2, batch, w, bytes, steps, x, x_stride, offsets, acc,
                    acc_stride);
  }
  for (; blocks > 0; --blocks, w += bytes, acc += 16) {
    tfp_low_columns(bits, 1, 1, batch, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
  }
}

#endif
