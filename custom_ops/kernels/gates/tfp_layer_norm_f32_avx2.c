#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_simd_avx2.h"

enum { U = TFP_ROW_BLOCK };

/* The sum of 16 lanes: of those 8 apart, then 4, 2 and 1. */
TFP_TARGET_AVX2 TFP_INLINE float fold(__m256 low, __m256 high) {
  const __m256 v = _mm256_add_ps(low, high);
  __m128 w = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  w = _mm_add_ps(w, _mm_shuffle_ps(w, w, 0x4e));
  w = _mm_add_ps(w, _mm_shuffle_ps(w, w, 0xb1));
  return _mm_cvtss_f32(w);
}

TFP_TARGET_AVX2 TFP_INLINE __m256 product(const int32_t *acc, const float *multiplier) {
  const __m256 v = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)acc));
  return _mm256_mul_ps(v, _mm256_loadu_ps(multiplier));
}

/* The square of how far 8 products lie from their mean; 0 past the first `left` of them. */
TFP_TARGET_AVX2 TFP_INLINE __m256 square(const int32_t *acc, const float *multiplier, __m256 mean,
                                         int left) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane);
  __m256 d = _mm256_sub_ps(product(acc, multiplier), mean);
  d = _mm256_and_ps(v_floor_state(d, d), _mm256_castsi256_ps(inside));
  return _mm256_mul_ps(d, d);
}

TFP_TARGET_AVX2 tfp_moments tfp_moments_f32_avx2(const tfp_gate_products *of, float epsilon) {
  __m256 low = _mm256_setzero_ps(), high = low;
  const int32_t *acc = of->acc;
  const float *m = of->multiplier;
  for (size_t unit = 0; unit < of->units; unit += U) {
    low = _mm256_add_ps(low, product(acc, m));
    high = _mm256_add_ps(high, product(acc + 8, m + 8));
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float mean = fold(low, high) / (float)of->units;
  const __m256 means = _mm256_set1_ps(mean);
  acc = of->acc;
  m = of->multiplier;
  low = high = _mm256_setzero_ps();
  for (size_t unit = 0; unit < of->units; unit += U) {
    const int left = (int)(of->units - unit);
    low = _mm256_add_ps(low, square(acc, m, means, left));
    high = _mm256_add_ps(high, square(acc + 8, m + 8, means, left - 8));
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float variance = fold(low, high) / (float)of->units;
  const float deviation = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance + epsilon)));
  return (tfp_moments){mean, 1.0f / deviation};
}

TFP_TARGET_AVX2 void tfp_normalize_f32_avx2(const tfp_moments *moments, const float *gains,
                                            size_t gates, const float *multiplier,
                                            const float *bias, float *multiplier_out,
                                            float *bias_out) {
  for (size_t i = 0; i < gates * U; i += 8) {
    const __m256 mean = _mm256_set1_ps(moments[i / U].mean);
    const __m256 inverse = _mm256_set1_ps(moments[i / U].inverse);
    const __m256 scale = _mm256_mul_ps(inverse, _mm256_loadu_ps(gains + i));
    const __m256 shifted = _mm256_sub_ps(_mm256_loadu_ps(bias + i), _mm256_mul_ps(mean, scale));
    _mm256_storeu_ps(multiplier_out + i, _mm256_mul_ps(_mm256_loadu_ps(multiplier + i), scale));
    _mm256_storeu_ps(bias_out + i, shifted);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
