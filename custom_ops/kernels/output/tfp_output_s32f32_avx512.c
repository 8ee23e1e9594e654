/* Several columns share the parameters that a row brings from memory. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

enum { kColumns = 4 };

TFP_TARGET_AVX512 TFP_INLINE void write_columns(const size_t columns, const int32_t *acc,
                                                size_t acc_stride, const tfp_row_parameters *rows,
                                                size_t count, const tfp_affine *x, float from,
                                                float to, float *y, size_t y_stride) {
  __m512i zero_point[kColumns];
  __m512 scale[kColumns];
  for (size_t n = 0; n < columns; ++n) {
    zero_point[n] = _mm512_set1_epi32(x[n].zero_point);
    scale[n] = _mm512_set1_ps(x[n].scale);
  }
  const __m512 low = _mm512_set1_ps(from), high = _mm512_set1_ps(to);
  for (size_t i = 0; i < count; i += 16) {
    const __m512i sums = _mm512_loadu_si512(rows->weight_sums + i);
    const __m512 row_scale = _mm512_loadu_ps(rows->scales + i);
    const __m512 bias = _mm512_loadu_ps(rows->bias + i);
    for (size_t n = 0; n < columns; ++n) {
      const __m512i shift = _mm512_mullo_epi32(sums, zero_point[n]);
      const __m512i sum = _mm512_loadu_si512(acc + n * acc_stride + i);
      __m512 v = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, shift));
      v = _mm512_mul_ps(_mm512_mul_ps(v, scale[n]), row_scale);
      v = _mm512_add_ps(v, bias);
      _mm512_storeu_ps(y + n * y_stride + i, _mm512_min_ps(_mm512_max_ps(v, low), high));
    }
  }
}

TFP_TARGET_AVX512 void tfp_output_s32f32_avx512(const int32_t *acc, size_t acc_stride,
                                                size_t columns, const tfp_row_parameters *rows,
                                                size_t count, const tfp_output_f32 *to, float *y,
                                                size_t y_stride) {
  const tfp_affine *x = to->x;
  for (; columns > 0;) {
    /* 5 columns are 3 and 2, not 4 and 1. */
    const size_t some = columns > 4 ? (columns + 1) / 2 : columns;
    switch (some) {
      case 1:
        write_columns(1, acc, acc_stride, rows, count, x, to->low, to->high, y, y_stride);
        break;
      case 2:
        write_columns(2, acc, acc_stride, rows, count, x, to->low, to->high, y, y_stride);
        break;
      case 3:
        write_columns(3, acc, acc_stride, rows, count, x, to->low, to->high, y, y_stride);
        break;
      default:
        write_columns(4, acc, acc_stride, rows, count, x, to->low, to->high, y, y_stride);
        break;
    }
    columns -= some;
    acc += some * acc_stride;
    x += some;
    y += some * y_stride;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
