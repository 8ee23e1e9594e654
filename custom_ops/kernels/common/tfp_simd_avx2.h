/* Vectors of 8 floats, for what is written once for all instruction sets (*.inc). A source file
 * includes one of the tfp_simd_*.h, which all define the same names; tfp_simd_c.h explains them. */
#ifndef TFP_SIMD_AVX2_H_
#define TFP_SIMD_AVX2_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

#define TFP_SIMD TFP_TARGET_AVX2 TFP_INLINE
#define TFP_SIMD_KERNEL TFP_TARGET_AVX2
#define TFP_SIMD_NAME(name) name##_avx2
#define TFP_EACH(i, n) for (int i = 0; i < (n); ++i)

typedef __m256 tfp_floats;
enum { kLanes = 8, kSideBySide = 4 };

TFP_SIMD tfp_floats v_set(float value) {
  return _mm256_set1_ps(value);
}

TFP_SIMD tfp_floats v_load(const float *from) {
  return _mm256_loadu_ps(from);
}

TFP_SIMD tfp_floats v_load_s32(const int32_t *from) {
  return _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

TFP_SIMD void v_store(float *to, tfp_floats v) {
  _mm256_storeu_ps(to, v);
}

TFP_SIMD tfp_floats v_add(tfp_floats a, tfp_floats b) {
  return _mm256_add_ps(a, b);
}

TFP_SIMD tfp_floats v_sub(tfp_floats a, tfp_floats b) {
  return _mm256_sub_ps(a, b);
}

TFP_SIMD tfp_floats v_mul(tfp_floats a, tfp_floats b) {
  return _mm256_mul_ps(a, b);
}

TFP_SIMD tfp_floats v_div(tfp_floats a, tfp_floats b) {
  return _mm256_div_ps(a, b);
}

TFP_SIMD tfp_floats v_at_least(tfp_floats v, float limit) {
  return _mm256_max_ps(v, _mm256_set1_ps(limit));
}

TFP_SIMD tfp_floats v_at_most(tfp_floats v, float limit) {
  return _mm256_min_ps(v, _mm256_set1_ps(limit));
}

TFP_SIMD tfp_floats v_abs(tfp_floats v) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

TFP_SIMD tfp_floats v_with_sign(tfp_floats v, tfp_floats sign_of) {
  return _mm256_or_ps(v, _mm256_and_ps(sign_of, _mm256_set1_ps(-0.0f)));
}

TFP_SIMD tfp_floats v_add_exponent(tfp_floats v, tfp_floats bits_of) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(bits_of), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), exponent));
}

TFP_SIMD tfp_floats v_floor_state(tfp_floats magnitude_of, tfp_floats state) {
  const __m256 floor = _mm256_set1_ps(TFP_STATE_FLOOR);
  return _mm256_and_ps(state, _mm256_cmp_ps(v_abs(magnitude_of), floor, _CMP_GE_OQ));
}

TFP_SIMD void v_store_s8(int8_t *to, const tfp_floats *v, const int n) {
  const __m256 least = _mm256_set1_ps(-127.0f), most = _mm256_set1_ps(127.0f);
  for (int i = 0; i < n; i += 2) {
    const __m256i a = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v[i], least), most));
    const __m256i b = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v[i + 1], least), most));
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    const __m128i levels =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(void *)(to + i * kLanes), levels);
  }
}

#endif
