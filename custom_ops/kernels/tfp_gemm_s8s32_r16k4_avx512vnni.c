/* gemm with vpdpbusd: a zmm register holds 4 columns of a block of 16 rows.
 *
 * The instruction multiplies unsigned by signed bytes: x + 128 is the unsigned operand, and the
 * packed starts of the accumulators take 128 * sum(w) off again. */
#include "tfp_bytes.h"
#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX512VNNI TFP_INLINE __m512i broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi8(-128));
}

/* `tile` blocks times `batch` columns; `phases` 2 keeps two sets of accumulators, because fewer
 * than about four chains of this instruction wait for its latency. */
TFP_TARGET_AVX512VNNI TFP_INLINE void run_tile(const int tile, const int batch, const int phases,
                                               const int8_t *blocks, size_t block_bytes,
                                               size_t groups, const int8_t *x, ptrdiff_t x_stride,
                                               int32_t *acc, size_t acc_stride) {
  __m512i sum[2][12][TFP_MAX_BATCH];
  for (int t = 0; t < tile; ++t) {
    const __m512i start = _mm512_loadu_si512(blocks + (size_t)t * block_bytes);
    for (int n = 0; n < batch; ++n) {
      sum[0][t][n] = start;
      if (phases == 2) sum[1][t][n] = _mm512_setzero_si512();
    }
  }
  const int8_t *w = blocks + 64;
  size_t k = 0;
  for (; k + (size_t)phases <= groups; k += (size_t)phases) {
    for (int p = 0; p < phases; ++p) {
      __m512i v[TFP_MAX_BATCH];
      for (int n = 0; n < batch; ++n) v[n] = broadcast(x + n * x_stride + 4 * p);
      for (int t = 0; t < tile; ++t) {
        __m512i weights = _mm512_loadu_si512(w + (size_t)t * block_bytes + 64 * p);
        if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
        for (int n = 0; n < batch; ++n) {
          sum[p][t][n] = _mm512_dpbusd_epi32(sum[p][t][n], v[n], weights);
        }
      }
    }
    w += 64 * phases;
    x += 4 * phases;
  }
  if (phases == 2 && k < groups) {
    for (int n = 0; n < batch; ++n) {
      const __m512i v = broadcast(x + n * x_stride);
      for (int t = 0; t < tile; ++t) {
        const __m512i weights = _mm512_loadu_si512(w + (size_t)t * block_bytes);
        sum[0][t][n] = _mm512_dpbusd_epi32(sum[0][t][n], v, weights);
      }
    }
  }
  for (int t = 0; t < tile; ++t) {
    for (int n = 0; n < batch; ++n) {
      __m512i total = sum[0][t][n];
      if (phases == 2) total = _mm512_add_epi32(total, sum[1][t][n]);
      _mm512_storeu_si512(acc + (size_t)n * acc_stride + (size_t)t * 16, total);
    }
  }
}

/* Full tiles first, then what is left. */
TFP_TARGET_AVX512VNNI TFP_INLINE void run_batch(const int widest, const int batch, const int8_t *w,
                                                size_t blocks, size_t groups, const int8_t *x,
                                                ptrdiff_t x_stride, int32_t *acc,
                                                size_t acc_stride) {
  const size_t bytes = 64 * (groups + 1);
  for (; blocks >= (size_t)widest; blocks -= (size_t)widest) {
    run_tile(widest, batch, widest * batch < 4 ? 2 : 1, w, bytes, groups, x, x_stride, acc,
             acc_stride);
    w += (size_t)widest * bytes;
    acc += widest * 16;
  }
  if (widest > 6 && blocks >= 6) {
    run_tile(6, batch, 1, w, bytes, groups, x, x_stride, acc, acc_stride);
    w += 6 * bytes;
    acc += 6 * 16;
    blocks -= 6;
  }
  if (widest > 3 && blocks >= 3) {
    run_tile(3, batch, batch == 1 ? 2 : 1, w, bytes, groups, x, x_stride, acc, acc_stride);
    w += 3 * bytes;
    acc += 3 * 16;
    blocks -= 3;
  }
  if (blocks >= 2) {
    run_tile(2, batch, batch == 1 ? 2 : 1, w, bytes, groups, x, x_stride, acc, acc_stride);
    w += 2 * bytes;
    acc += 2 * 16;
    blocks -= 2;
  }
  if (blocks >= 1) {
    run_tile(1, batch, batch < 4 ? 2 : 1, w, bytes, groups, x, x_stride, acc, acc_stride);
  }
}

TFP_TARGET_AVX512VNNI void tfp_gemm_s8s32_r16k4_avx512vnni(const void *blocks_packed, size_t blocks,
                                                           size_t depth, size_t batch,
                                                           const int8_t *x, ptrdiff_t x_stride,
                                                           int32_t *acc, size_t acc_stride) {
  const int8_t *w = blocks_packed;
  const size_t groups = (depth + 3) / 4;
  switch (batch) {
    case 1:
      run_batch(6, 1, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 2:
      run_batch(6, 2, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 3:
      run_batch(6, 3, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 4:
      run_batch(3, 4, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 5:
      run_batch(3, 5, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 6:
      run_batch(3, 6, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    case 7:
      run_batch(2, 7, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
    default:
      run_batch(2, 8, w, blocks, groups, x, x_stride, acc, acc_stride);
      break;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
