#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_simd_avx512.h"

enum { U = TFP_ROW_BLOCK };

/* The sum of 16 lanes: of those 8 apart, then 4, 2 and 1. */
TFP_TARGET_AVX512 TFP_INLINE float fold(__m512 v) {
  v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
  v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
  v = _mm512_add_ps(v, _mm512_shuffle_ps(v, v, 0x4e));
  v = _mm512_add_ps(v, _mm512_shuffle_ps(v, v, 0xb1));
  return _mm512_cvtss_f32(v);
}

TFP_TARGET_AVX512 TFP_INLINE __m512 product(const int32_t *acc, const float *multiplier) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(acc)), _mm512_loadu_ps(multiplier));
}

TFP_TARGET_AVX512 tfp_moments tfp_moments_f32_avx512(const tfp_gate_products *of, float epsilon) {
  __m512 sum = _mm512_setzero_ps();
  const int32_t *acc = of->acc;
  const float *m = of->multiplier;
  for (size_t unit = 0; unit < of->units; unit += U) {
    sum = _mm512_add_ps(sum, product(acc, m));
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float mean = fold(sum) / (float)of->units;
  const __m512 means = _mm512_set1_ps(mean);
  acc = of->acc;
  m = of->multiplier;
  sum = _mm512_setzero_ps();
  for (size_t unit = 0; unit < of->units; unit += U) {
    const size_t left = of->units - unit;
    const __mmask16 inside = (__mmask16)(left < U ? (1u << left) - 1u : 0xffffu);
    __m512 d = _mm512_maskz_sub_ps(inside, product(acc, m), means);
    d = v_floor_state(d, d);
    sum = _mm512_add_ps(sum, _mm512_mul_ps(d, d));
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float variance = fold(sum) / (float)of->units;
  const float deviation = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance + epsilon)));
  return (tfp_moments){mean, 1.0f / deviation};
}

TFP_TARGET_AVX512 void tfp_normalize_f32_avx512(const tfp_moments *moments, const float *gains,
                                                size_t gates, const float *multiplier,
                                                const float *bias, float *multiplier_out,
                                                float *bias_out) {
  for (size_t gate = 0; gate < gates; ++gate) {
    const size_t i = gate * U;
    const __m512 mean = _mm512_set1_ps(moments[gate].mean);
    const __m512 scale =
        _mm512_mul_ps(_mm512_set1_ps(moments[gate].inverse), _mm512_loadu_ps(gains + i));
    const __m512 shifted = _mm512_sub_ps(_mm512_loadu_ps(bias + i), _mm512_mul_ps(mean, scale));
    _mm512_storeu_ps(multiplier_out + i, _mm512_mul_ps(_mm512_loadu_ps(multiplier + i), scale));
    _mm512_storeu_ps(bias_out + i, shifted);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
