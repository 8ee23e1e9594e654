/* Where the sums of a gemm go: to memory as they are, or as results in int8 or float32, which a
 * sink makes of them while they are still in registers. */
#ifndef TFP_SINK_AVX512_H_
#define TFP_SINK_AVX512_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_target.h"

typedef enum tfp_sink_kind { kTfpSums, kTfpLevels, kTfpFloats } tfp_sink_kind;

/* Where the sums of the next block go; `y` has the type that the kind says. */
typedef struct tfp_sink {
  const float *scales;
  const float *bias;          /* where the results are floats */
  const int32_t *weight_sums; /* likewise */
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
  if (kind == kTfpFloats) sink.bias += rows, sink.weight_sums += rows;
  sink.y += kind == kTfpLevels ? rows : rows * sizeof(float);
  return sink;
}

/* The same from column `n` on. */
TFP_TARGET_AVX512VNNI TFP_INLINE tfp_sink tfp_sink_column(const tfp_sink_kind kind, tfp_sink sink,
                                                          const size_t n) {
  sink.y += n * sink.y_stride * (kind == kTfpLevels ? 1 : sizeof(float));
  if (kind == kTfpFloats) sink.x += n;
  return sink;
}

/* Takes the sums of block `t` for each of `batch` columns; the arithmetic is that of
 * tfp_output_s32s8_c and tfp_output_s32f32_c. */
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

TFP_TARGET_AVX512VNNI TFP_INLINE tfp_sink tfp_sink_sums(int32_t *acc, size_t acc_stride) {
  return (tfp_sink){.y = (unsigned char *)acc, .y_stride = acc_stride};
}

TFP_TARGET_AVX512VNNI TFP_INLINE tfp_sink tfp_sink_levels(const float *multiplier,
                                                          const tfp_output_s8 *to, int8_t *y,
                                                          size_t y_stride) {
  return (tfp_sink){
      .scales = multiplier,
      .low = _mm512_set1_ps((float)(to->low - to->zero_point)),
      .high = _mm512_set1_ps((float)(to->high - to->zero_point)),
      .zero_point = _mm512_set1_epi32(to->zero_point),
      .y = (unsigned char *)y,
      .y_stride = y_stride,
  };
}

TFP_TARGET_AVX512VNNI TFP_INLINE tfp_sink tfp_sink_floats(const tfp_row_parameters *rows,
                                                          const tfp_output_f32 *to, float *y,
                                                          size_t y_stride) {
  return (tfp_sink){
      .scales = rows->scales,
      .bias = rows->bias,
      .weight_sums = rows->weight_sums,
      .x = to->x,
      .low = _mm512_set1_ps(to->low),
      .high = _mm512_set1_ps(to->high),
      .y = (unsigned char *)y,
      .y_stride = y_stride,
  };
}

#endif
