/* gemm with vpdpbusd and weights of 4 or 2 bits, see tfp_pack_low.h.
 *
 * The weights are the unsigned operand. They are cut out of a register with a mask and not
 * shifted: each part of the byte has accumulators of its own, a multiple of 2^(bits * part), and
 * these are shifted once at the end. What was added to every weight is taken off with the sum of
 * the column. */
#ifndef TFP_GEMM_LOW_AVX512VNNI_H_
#define TFP_GEMM_LOW_AVX512VNNI_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

enum { kLowTile = 6, kLowBatch = 4 };

/* Shifts by the place of a part; the instructions want literal counts, without optimization too. */
TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_low_shift(const int count, __m512i bytes) {
  switch (count) {
    case 2:
      return _mm512_srli_epi16(bytes, 2);
    case 4:
      return _mm512_srli_epi16(bytes, 4);
    case 6:
      return _mm512_srli_epi16(bytes, 6);
    default:
      return bytes;
  }
}

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

/* `separate`: a set of accumulators a part, which pays where one column uses the weights. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_tile(const int bits, const int separate,
                                                   const int tile, const int batch,
                                                   const uint8_t *blocks, size_t block_bytes,
                                                   size_t steps, const int8_t *x,
                                                   ptrdiff_t x_stride, const int32_t *offsets,
                                                   int32_t *acc, size_t acc_stride) {
  const int parts = 8 / bits, ahead = bits == 4 ? 6 : 9;
  const int mask = (1 << bits) - 1;
  __m512i sum[4][kLowTile][kLowBatch];
  for (int t = 0; t < tile; ++t) {
    const __m512i start = _mm512_loadu_si512(blocks + (size_t)t * block_bytes);
    for (int n = 0; n < batch; ++n) {
      sum[0][t][n] = _mm512_add_epi32(start, _mm512_set1_epi32(offsets[n]));
      for (int p = 1; separate && p < parts; ++p) sum[p][t][n] = _mm512_setzero_si512();
    }
  }
  const uint8_t *w = blocks + 64;
  for (size_t k = 0; k < steps; ++k, w += 64, x += 4 * parts) {
    for (int t = 0; t < tile; ++t) {
      const uint8_t *at = w + (size_t)t * block_bytes;
      const __m512i bytes = _mm512_loadu_si512(at);
      if (separate) {
        /* Streams of one block are too short for the processor to guess what comes next. */
        _mm_prefetch((const char *)at + (size_t)ahead * block_bytes, _MM_HINT_T1);
      }
      for (int p = 0; p < parts; ++p) {
        const int place = bits * p;
        const __m512i kept = _mm512_set1_epi8((char)(separate ? mask << place : mask));
        const __m512i part = _mm512_and_si512(separate ? bytes : tfp_low_shift(place, bytes), kept);
        for (int n = 0; n < batch; ++n) {
          int32_t four;
          memcpy(&four, x + n * x_stride + 4 * p, sizeof four);
          __m512i *to = &sum[separate ? p : 0][t][n];
          *to = _mm512_dpbusd_epi32(*to, part, _mm512_set1_epi32(four));
        }
      }
    }
  }
  for (int t = 0; t < tile; ++t) {
    for (int n = 0; n < batch; ++n) {
      __m512i total = sum[0][t][n];
      for (int p = 1; separate && p < parts; ++p) {
        const __m512i part = tfp_low_divide(bits * p, sum[p][t][n]);
        total = _mm512_add_epi32(total, part);
      }
      _mm512_storeu_si512(acc + (size_t)n * acc_stride + (size_t)t * 16, total);
    }
  }
}

/* All columns over `tile` blocks, which stay in the first-level cache. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_low_columns(const int bits, const int tile, size_t batch,
                                                      const uint8_t *w, size_t bytes, size_t steps,
                                                      const int8_t *x, ptrdiff_t x_stride,
                                                      const int32_t *offsets, int32_t *acc,
                                                      size_t acc_stride) {
  for (; batch > 0;) {
    /* 5 columns are 3 and 2, not 4 and 1. */
    const size_t columns = batch > 4 ? (batch + 1) / 2 : batch;
    switch (columns) {
      case 1:
        tfp_low_tile(bits, 1, tile, 1, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      case 2:
        tfp_low_tile(bits, 0, tile, 2, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      case 3:
        tfp_low_tile(bits, 0, tile, 3, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
        break;
      default:
        tfp_low_tile(bits, 0, tile, 4, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
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
  const size_t bytes = 64 * (steps + 1);
  const uint8_t *w = blocks_packed;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    offsets[n] = tfp_low_offset(bits, x + (ptrdiff_t)n * x_stride, steps * step);
  }
  const int wide = bits == 4 ? 6 : 3; /* 12 chains either way, and all registers hold */
  if (batch == 1) {
    for (; blocks >= (size_t)wide; blocks -= (size_t)wide) {
      tfp_low_tile(bits, 1, wide, 1, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
      w += (size_t)wide * bytes;
      acc += wide * 16;
    }
  }
  for (; blocks >= 3; blocks -= 3) {
    tfp_low_columns(bits, 3, batch, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
    w += 3 * bytes;
    acc += 3 * 16;
  }
  for (; blocks > 0; --blocks, w += bytes, acc += 16) {
    tfp_low_columns(bits, 1, batch, w, bytes, steps, x, x_stride, offsets, acc, acc_stride);
  }
}

#endif
