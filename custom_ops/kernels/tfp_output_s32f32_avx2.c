#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX2 TFP_INLINE __m256i load(const int32_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TFP_TARGET_AVX2 void tfp_output_s32f32_avx2(const int32_t *acc, const tfp_row_parameters *rows,
                                            size_t count, tfp_output_f32 to, float *y) {
  const __m256i zero_point = _mm256_set1_epi32(to.x.zero_point);
  const __m256 scale = _mm256_set1_ps(to.x.scale);
  const __m256 low = _mm256_set1_ps(to.low), high = _mm256_set1_ps(to.high);
  for (size_t i = 0; i < count; i += 8) {
    const __m256i shift = _mm256_mullo_epi32(load(rows->weight_sums + i), zero_point);
    __m256 v = _mm256_cvtepi32_ps(_mm256_sub_epi32(load(acc + i), shift));
    v = _mm256_mul_ps(_mm256_mul_ps(v, scale), _mm256_loadu_ps(rows->scales + i));
    v = _mm256_add_ps(v, _mm256_loadu_ps(rows->bias + i));
    _mm256_storeu_ps(y + i, _mm256_min_ps(_mm256_max_ps(v, low), high));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
