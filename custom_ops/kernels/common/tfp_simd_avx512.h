/* Vectors of 16 floats: see tfp_simd_c.h. */
#ifndef TFP_SIMD_AVX512_H_
#define TFP_SIMD_AVX512_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

#define TFP_SIMD TFP_TARGET_AVX512 TFP_INLINE
#define TFP_SIMD_KERNEL TFP_TARGET_AVX512
#define TFP_SIMD_NAME(name) name##_avx512
#define TFP_EACH(i, n) for (int i = 0; i < (n); ++i)

typedef __m512 tfp_floats;
enum { kLanes = 16, kSideBySide = 4 };

TFP_SIMD tfp_floats v_set(float value) {
  return _mm512_set1_ps(value);
}

TFP_SIMD tfp_floats v_load(const float *from) {
  return _mm512_loadu_ps(from);
}

TFP_SIMD tfp_floats v_load_s32(const int32_t *from) {
  return _mm512_cvtepi32_ps(_mm512_loadu_si512(from));
}

TFP_SIMD void v_store(float *to, tfp_floats v) {
  _mm512_storeu_ps(to, v);
}

TFP_SIMD tfp_floats v_add(tfp_floats a, tfp_floats b) {
  return _mm512_add_ps(a, b);
}

TFP_SIMD tfp_floats v_sub(tfp_floats a, tfp_floats b) {
  return _mm512_sub_ps(a, b);
}

TFP_SIMD tfp_floats v_mul(tfp_floats a, tfp_floats b) {
  return _mm512_mul_ps(a, b);
}

TFP_SIMD tfp_floats v_div(tfp_floats a, tfp_floats b) {
  return _mm512_div_ps(a, b);
}

TFP_SIMD tfp_floats v_at_least(tfp_floats v, float limit) {
  return _mm512_max_ps(v, _mm512_set1_ps(limit));
}

TFP_SIMD tfp_floats v_at_most(tfp_floats v, float limit) {
  return _mm512_min_ps(v, _mm512_set1_ps(limit));
}

TFP_SIMD tfp_floats v_abs(tfp_floats v) {
  return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), v);
}

TFP_SIMD tfp_floats v_with_sign(tfp_floats v, tfp_floats sign_of) {
  return _mm512_or_ps(v, _mm512_and_ps(sign_of, _mm512_set1_ps(-0.0f)));
}

TFP_SIMD tfp_floats v_add_exponent(tfp_floats v, tfp_floats bits_of) {
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(bits_of), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(v), exponent));
}

TFP_SIMD tfp_floats v_floor_state(tfp_floats magnitude_of, tfp_floats state) {
  const __m512 floor = _mm512_set1_ps(TFP_STATE_FLOOR);
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v_abs(magnitude_of), floor, _CMP_GE_OQ), state);
}

TFP_SIMD void v_store_s8(int8_t *to, const tfp_floats *v, const int n) {
  for (int i = 0; i < n; ++i) {
    const __m512i levels = _mm512_cvtps_epi32(v_at_most(v_at_least(v[i], -127.0f), 127.0f));
    _mm_storeu_si128((__m128i *)(void *)(to + i * kLanes), _mm512_cvtepi32_epi8(levels));
  }
}

#endif
