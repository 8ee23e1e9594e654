/* gemm with vpdpbusd: a zmm register holds 4 columns of a block of 16 rows.
 *
 * The instruction multiplies unsigned by signed bytes: x + 128 is the unsigned operand, and the
 * packed starts of the accumulators take 128 * sum(w) off again.
 *
 * Sums go where a sink says. A sink that turns them into results does so while they are still in
 * registers, and while the multiplications of the next tile have begun. */
#ifndef TFP_GEMM_S8_AVX512VNNI_H_
#define TFP_GEMM_S8_AVX512VNNI_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_prefetch_x86.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

typedef enum tfp_sink_kind { kTfpSums, kTfpLevels, kTfpFloats } tfp_sink_kind;

/* Where the sums of the next block go; `y` has the type that the kind says. */
typedef struct tfp_sink {
  const float *scales;
  const float *bias; /* where the results are floats */
  const tfp_affine *x;
  __m512 low, high;
  __m512i zero_point;
  unsigned char *y;
  size_t y_stride; /* in values */
} tfp_sink;

TFP_TARGET_AVX512VNNI TFP_INLINE tfp_sink tfp_sink_after(const tfp_sink_kind kind, tfp_sink sink,
                                                         const size_t blocks) {
  const size_t rows = blocks * TFP_ROW_BLOCK;
  if (kind != kTfpSums) sink.scales += rows;
  if (kind == kTfpFloats) sink.bias += rows;
  sink.y += kind == kTfpLevels ? rows : rows * sizeof(float);
  return sink;
}

/* Where the sum of column `n` starts. A packed start is -128 * sum(w), as the zero point of floats
 * is known only now: -(128 + zero point) * sum(w) takes that off too, with no second look at
 * memory. */
TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_sink_start(const tfp_sink_kind kind,
                                                        const tfp_sink *sink, const int n,
                                                        __m512i start) {
  if (kind != kTfpFloats) return start;
  const __m512i factor = _mm512_set1_epi32(128 + sink->x[n].zero_point);
  return _mm512_mullo_epi32(_mm512_srai_epi32(start, 7), factor);
}

/* Takes the sums of block `t` for each column; the arithmetic is that of tfp_output_s32s8_c and
 * tfp_output_s32f32_c. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_sink_take(const tfp_sink_kind kind, const tfp_sink *sink,
                                                    const int t, const int batch,
                                                    const __m512i *sums) {
  const size_t row = (size_t)t * TFP_ROW_BLOCK;
  if (kind == kTfpSums) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      _mm512_storeu_si512((int32_t *)(void *)sink->y + (size_t)n * sink->y_stride + row, sums[n]);
    }
    return;
  }
  const __m512 factor = _mm512_loadu_ps(sink->scales + row);
  if (kind == kTfpLevels) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[n]), factor);
      v = _mm512_min_ps(_mm512_max_ps(v, sink->low), sink->high);
      const __m512i level = _mm512_add_epi32(_mm512_cvtps_epi32(v), sink->zero_point);
      _mm_storeu_si128((__m128i *)(void *)(sink->y + (size_t)n * sink->y_stride + row),
                       _mm512_cvtepi32_epi8(level));
    }
    return;
  }
  const __m512 bias = _mm512_loadu_ps(sink->bias + row);
  TFP_UNROLL
  for (int n = 0; n < batch; ++n) {
    __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[n]), _mm512_set1_ps(sink->x[n].scale));
    v = _mm512_add_ps(_mm512_mul_ps(v, factor), bias);
    _mm512_storeu_ps((float *)(void *)sink->y + (size_t)n * sink->y_stride + row,
                     _mm512_min_ps(_mm512_max_ps(v, sink->low), sink->high));
  }
}

TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_s8_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi8(-128));
}

/* `tile` blocks times `batch` columns; `phases` 2 keeps two sets of accumulators, because fewer
 * than about four chains of this instruction wait for its latency. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_tile(const tfp_sink_kind kind, const int tile,
                                                  const int batch, const int phases,
                                                  const int8_t *blocks, size_t block_bytes,
                                                  size_t groups, const int8_t *x,
                                                  ptrdiff_t x_stride, const tfp_sink *sink) {
  __m512i sum[2][12][TFP_MAX_BATCH];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    const __m512i start = _mm512_loadu_si512(blocks + (size_t)t * block_bytes);
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      sum[0][t][n] = tfp_sink_start(kind, sink, n, start);
      if (phases == 2) sum[1][t][n] = _mm512_setzero_si512();
    }
  }
  tfp_prefetch_blocks(tile, blocks + (size_t)tile * block_bytes, block_bytes);
  const int8_t *w = blocks + 64;
  size_t k = 0;
  for (; k + (size_t)phases <= groups; k += (size_t)phases) {
    TFP_UNROLL
    for (int p = 0; p < phases; ++p) {
      __m512i v[TFP_MAX_BATCH];
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) v[n] = tfp_s8_broadcast(x + n * x_stride + 4 * p);
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        __m512i weights = _mm512_loadu_si512(w + (size_t)t * block_bytes + 64 * p);
        if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) {
          sum[p][t][n] = _mm512_dpbusd_epi32(sum[p][t][n], v[n], weights);
        }
      }
    }
    w += 64 * phases;
    x += 4 * phases;
  }
  if (phases == 2 && k < groups) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      const __m512i v = tfp_s8_broadcast(x + n * x_stride);
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        const __m512i weights = _mm512_loadu_si512(w + (size_t)t * block_bytes);
        sum[0][t][n] = _mm512_dpbusd_epi32(sum[0][t][n], v, weights);
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      if (phases == 2) sum[0][t][n] = _mm512_add_epi32(sum[0][t][n], sum[1][t][n]);
      /* Else what the sink needs takes the registers that the loop above is short of. */
      TFP_KEEP_IN_REGISTER(sum[0][t][n]);
    }
    tfp_sink_take(kind, sink, t, batch, sum[0][t]);
  }
}

/* Full tiles first, then what is left. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_batch(const tfp_sink_kind kind, const int widest,
                                                   const int batch, const int8_t *w, size_t blocks,
                                                   size_t groups, const int8_t *x,
                                                   ptrdiff_t x_stride, tfp_sink sink) {
  const size_t bytes = 64 * (groups + 1);
  const int two = batch == 1 ? 2 : 1;
  for (; blocks >= (size_t)widest; blocks -= (size_t)widest) {
    tfp_s8_tile(kind, widest, batch, widest * batch < 4 ? 2 : 1, w, bytes, groups, x, x_stride,
                &sink);
    w += (size_t)widest * bytes;
    sink = tfp_sink_after(kind, sink, (size_t)widest);
  }
  if (widest > 3 && blocks >= 3) {
    tfp_s8_tile(kind, 3, batch, two, w, bytes, groups, x, x_stride, &sink);
    w += 3 * bytes;
    sink = tfp_sink_after(kind, sink, 3);
    blocks -= 3;
  }
  if (blocks >= 2) {
    tfp_s8_tile(kind, 2, batch, two, w, bytes, groups, x, x_stride, &sink);
    w += 2 * bytes;
    sink = tfp_sink_after(kind, sink, 2);
    blocks -= 2;
  }
  if (blocks >= 1) {
    tfp_s8_tile(kind, 1, batch, batch < 4 ? 2 : 1, w, bytes, groups, x, x_stride, &sink);
  }
}

TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_gemm_s8_avx512vnni(const tfp_sink_kind kind,
                                                             const void *blocks_packed,
                                                             size_t blocks, size_t depth,
                                                             size_t batch, const int8_t *x,
                                                             ptrdiff_t x_stride, tfp_sink sink) {
  const int8_t *w = blocks_packed;
  const size_t groups = (depth + 3) / 4;
  switch (batch) {
    case 1:
      tfp_s8_batch(kind, 6, 1, w, blocks, groups, x, x_stride, sink);
      break;
    case 2:
      tfp_s8_batch(kind, 6, 2, w, blocks, groups, x, x_stride, sink);
      break;
    case 3:
      tfp_s8_batch(kind, 6, 3, w, blocks, groups, x, x_stride, sink);
      break;
    case 4:
      tfp_s8_batch(kind, 3, 4, w, blocks, groups, x, x_stride, sink);
      break;
    case 5:
      tfp_s8_batch(kind, 3, 5, w, blocks, groups, x, x_stride, sink);
      break;
    case 6:
      tfp_s8_batch(kind, 3, 6, w, blocks, groups, x, x_stride, sink);
      break;
    case 7:
      tfp_s8_batch(kind, 2, 7, w, blocks, groups, x, x_stride, sink);
      break;
    default:
      tfp_s8_batch(kind, 2, 8, w, blocks, groups, x, x_stride, sink);
      break;
  }
}

#endif
