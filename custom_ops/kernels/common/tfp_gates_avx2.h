/* Gate functions of 8 floats: tfp_gates_c.h, operation by operation. */
#ifndef TFP_GATES_AVX2_H_
#define TFP_GATES_AVX2_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

/* `n` vectors run side by side: one alone would leave the processor waiting for its latency. */
TFP_TARGET_AVX2 TFP_INLINE void tfp_exp2_avx2(const int n, __m256 *y) {
  const __m256 magic = _mm256_set1_ps(TFP_ROUNDING_MAGIC);
  __m256 shifted[4], p[4];
  for (int i = 0; i < n; ++i) shifted[i] = _mm256_add_ps(y[i], magic);
  for (int i = 0; i < n; ++i) p[i] = _mm256_sub_ps(shifted[i], magic);
  for (int i = 0; i < n; ++i) y[i] = _mm256_sub_ps(y[i], p[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm256_mul_ps(y[i], _mm256_set1_ps(TFP_EXP2_C5));
  for (int i = 0; i < n; ++i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(TFP_EXP2_C4));
  for (int i = 0; i < n; ++i) p[i] = _mm256_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(TFP_EXP2_C3));
  for (int i = 0; i < n; ++i) p[i] = _mm256_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(TFP_EXP2_C2));
  for (int i = 0; i < n; ++i) p[i] = _mm256_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(TFP_EXP2_C1));
  for (int i = 0; i < n; ++i) p[i] = _mm256_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(1.0f));
  for (int i = 0; i < n; ++i) {
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted[i]), 23);
    const __m256i bits = _mm256_castps_si256(p[i]);
    y[i] = _mm256_castsi256_ps(_mm256_add_epi32(bits, exponent));
  }
}

/* x[i] = sigmoid(x[i]) */
TFP_TARGET_AVX2 TFP_INLINE void tfp_sigmoid_avx2(const int n, __m256 *x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int i = 0; i < n; ++i) {
    x[i] = _mm256_mul_ps(x[i], _mm256_set1_ps(TFP_SIGMOID_FACTOR));
    x[i] = _mm256_max_ps(x[i], _mm256_set1_ps(-TFP_EXPONENT_LIMIT));
    x[i] = _mm256_min_ps(x[i], _mm256_set1_ps(TFP_EXPONENT_LIMIT));
  }
  tfp_exp2_avx2(n, x);
  for (int i = 0; i < n; ++i) x[i] = _mm256_add_ps(one, x[i]);
  for (int i = 0; i < n; ++i) x[i] = _mm256_div_ps(one, x[i]);
}

/* x[i] = tanh(x[i]) */
TFP_TARGET_AVX2 TFP_INLINE void tfp_tanh_avx2(const int n, __m256 *x) {
  const __m256 one = _mm256_set1_ps(1.0f), sign_bit = _mm256_set1_ps(-0.0f);
  __m256 y[4];
  for (int i = 0; i < n; ++i) {
    y[i] = _mm256_andnot_ps(sign_bit, x[i]);
    y[i] = _mm256_mul_ps(y[i], _mm256_set1_ps(TFP_TANH_FACTOR));
    y[i] = _mm256_max_ps(y[i], _mm256_set1_ps(-TFP_EXPONENT_LIMIT));
    x[i] = _mm256_and_ps(x[i], sign_bit);
  }
  tfp_exp2_avx2(n, y);
  for (int i = 0; i < n; ++i) {
    y[i] = _mm256_div_ps(_mm256_sub_ps(one, y[i]), _mm256_add_ps(one, y[i]));
    x[i] = _mm256_or_ps(y[i], x[i]);
  }
}

/* x[i] = clamp(x[i] / 6 + 0.5, 0, 1) */
TFP_TARGET_AVX2 TFP_INLINE void tfp_hard_sigmoid_avx2(const int n, __m256 *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = _mm256_mul_ps(x[i], _mm256_set1_ps(TFP_HARD_SIGMOID_SLOPE));
    x[i] = _mm256_add_ps(x[i], _mm256_set1_ps(0.5f));
    x[i] = _mm256_min_ps(_mm256_max_ps(x[i], _mm256_set1_ps(0.0f)), _mm256_set1_ps(1.0f));
  }
}

/* x[i] = clamp(x[i], -1, 1) */
TFP_TARGET_AVX2 TFP_INLINE void tfp_hard_tanh_avx2(const int n, __m256 *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = _mm256_min_ps(_mm256_max_ps(x[i], _mm256_set1_ps(-1.0f)), _mm256_set1_ps(1.0f));
  }
}

TFP_TARGET_AVX2 TFP_INLINE void tfp_recurrent_activation_avx2(const int function, const int n,
                                                              __m256 *x) {
  if (function == TFP_SIGMOID) {
    tfp_sigmoid_avx2(n, x);
  } else {
    tfp_hard_sigmoid_avx2(n, x);
  }
}

TFP_TARGET_AVX2 TFP_INLINE void tfp_activation_avx2(const int function, const int n, __m256 *x) {
  if (function == TFP_TANH) {
    tfp_tanh_avx2(n, x);
  } else {
    tfp_hard_tanh_avx2(n, x);
  }
}

/* h where |magnitude_of| is at least the floor, else 0 (and 0 for NaN). */
TFP_TARGET_AVX2 TFP_INLINE __m256 tfp_floor_state_avx2(__m256 magnitude_of, __m256 h) {
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), magnitude_of);
  return _mm256_and_ps(h, _mm256_cmp_ps(magnitude, _mm256_set1_ps(TFP_STATE_FLOOR), _CMP_GE_OQ));
}

/* For states that may grow: what tfp_load_state would take in again. */
TFP_TARGET_AVX2 TFP_INLINE __m256 tfp_limit_state_avx2(__m256 state) {
  state = _mm256_max_ps(state, _mm256_set1_ps(-TFP_STATE_LIMIT));
  state = _mm256_min_ps(state, _mm256_set1_ps(TFP_STATE_LIMIT));
  return tfp_floor_state_avx2(state, state);
}

/* clamp(round(v), -127, 127) of 16 floats as int8. */
TFP_TARGET_AVX2 TFP_INLINE __m128i tfp_round_s8_avx2(__m256 low, __m256 high) {
  const __m256 least = _mm256_set1_ps(-127.0f), most = _mm256_set1_ps(127.0f);
  const __m256i a = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(low, least), most));
  const __m256i b = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(high, least), most));
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
  return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

#endif
