/* Several columns share the parameters that a row brings from memory. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

enum { kColumns = 2 };

TFP_TARGET_AVX2 TFP_INLINE __m256i load(const int32_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TFP_TARGET_AVX2 TFP_INLINE void write_columns(const size_t columns, const int32_t *acc,
                                              size_t acc_stride, const tfp_row_parameters *rows,
                                              size_t count, const tfp_affine *x, float from,
                                              float to, float *y, size_t y_stride) {
  __m256i zero_point[kColumns];
  __m256 scale[kColumns];
  for (size_t n = 0; n < columns; ++n) {
    zero_point[n] = _mm256_set1_epi32(x[n].zero_point);
    scale[n] = _mm256_set1_ps(x[n].scale);
  }
  const __m256 low = _mm256_set1_ps(from), high = _mm256_set1_ps(to);
  for (size_t i = 0; i < count; i += 8) {
    const __m256i sums = load(rows->weight_sums + i);
    const __m256 row_scale = _mm256_loadu_ps(rows->scales + i);
    const __m256 bias = _mm256_loadu_ps(rows->bias + i);
    for (size_t n = 0; n < columns; ++n) {
      const __m256i shift = _mm256_mullo_epi32(sums, zero_point[n]);
      const __m256i sum = load(acc + n * acc_stride + i);
      __m256 v = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, shift));
      v = _mm256_mul_ps(_mm256_mul_ps(v, scale[n]), row_scale);
      v = _mm256_add_ps(v, bias);
      _mm256_storeu_ps(y + n * y_stride + i, _mm256_min_ps(_mm256_max_ps(v, low), high));
    }
  }
}

TFP_TARGET_AVX2 void tfp_output_s32f32_avx2(const int32_t *acc, size_t acc_stride, size_t columns,
                                            const tfp_row_parameters *rows, size_t count,
                                            const tfp_output_f32 *to, float *y, size_t y_stride) {
  size_t n = 0;
  for (; n + 2 <= columns; n += 2) {
    write_columns(2, acc + n * acc_stride, acc_stride, rows, count, to->x + n, to->low, to->high,
                  y + n * y_stride, y_stride);
  }
  if (n < columns) {
    write_columns(1, acc + n * acc_stride, acc_stride, rows, count, to->x + n, to->low, to->high,
                  y + n * y_stride, y_stride);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
