/* Gate functions of 16 floats: tfp_gates_c.h, operation by operation. */
#ifndef TFP_GATES_AVX512_H_
#define TFP_GATES_AVX512_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

/* `n` vectors run side by side: one alone would leave the processor waiting for its latency. */
TFP_TARGET_AVX512 TFP_INLINE void tfp_exp2_avx512(const int n, __m512 *y) {
  const __m512 magic = _mm512_set1_ps(TFP_ROUNDING_MAGIC);
  __m512 shifted[4], p[4];
  for (int i = 0; i < n; ++i) shifted[i] = _mm512_add_ps(y[i], magic);
  for (int i = 0; i < n; ++i) p[i] = _mm512_sub_ps(shifted[i], magic);
  for (int i = 0; i < n; ++i) y[i] = _mm512_sub_ps(y[i], p[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm512_mul_ps(y[i], _mm512_set1_ps(TFP_EXP2_C5));
  for (int i = 0; i < n; ++i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(TFP_EXP2_C4));
  for (int i = 0; i < n; ++i) p[i] = _mm512_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(TFP_EXP2_C3));
  for (int i = 0; i < n; ++i) p[i] = _mm512_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(TFP_EXP2_C2));
  for (int i = 0; i < n; ++i) p[i] = _mm512_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(TFP_EXP2_C1));
  for (int i = 0; i < n; ++i) p[i] = _mm512_mul_ps(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(1.0f));
  for (int i = 0; i < n; ++i) {
    const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted[i]), 23);
    const __m512i bits = _mm512_castps_si512(p[i]);
    y[i] = _mm512_castsi512_ps(_mm512_add_epi32(bits, exponent));
  }
}

/* x[i] = sigmoid(x[i]) */
TFP_TARGET_AVX512 TFP_INLINE void tfp_sigmoid_avx512(const int n, __m512 *x) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int i = 0; i < n; ++i) {
    x[i] = _mm512_mul_ps(x[i], _mm512_set1_ps(TFP_SIGMOID_FACTOR));
    x[i] = _mm512_max_ps(x[i], _mm512_set1_ps(-TFP_EXPONENT_LIMIT));
    x[i] = _mm512_min_ps(x[i], _mm512_set1_ps(TFP_EXPONENT_LIMIT));
  }
  tfp_exp2_avx512(n, x);
  for (int i = 0; i < n; ++i) x[i] = _mm512_add_ps(one, x[i]);
  for (int i = 0; i < n; ++i) x[i] = _mm512_div_ps(one, x[i]);
}

/* x[i] = tanh(x[i]) */
TFP_TARGET_AVX512 TFP_INLINE void tfp_tanh_avx512(const int n, __m512 *x) {
  const __m512 one = _mm512_set1_ps(1.0f), sign_bit = _mm512_set1_ps(-0.0f);
  __m512 y[4];
  for (int i = 0; i < n; ++i) {
    y[i] = _mm512_andnot_ps(sign_bit, x[i]);
    y[i] = _mm512_mul_ps(y[i], _mm512_set1_ps(TFP_TANH_FACTOR));
    y[i] = _mm512_max_ps(y[i], _mm512_set1_ps(-TFP_EXPONENT_LIMIT));
    x[i] = _mm512_and_ps(x[i], sign_bit);
  }
  tfp_exp2_avx512(n, y);
  for (int i = 0; i < n; ++i) {
    y[i] = _mm512_div_ps(_mm512_sub_ps(one, y[i]), _mm512_add_ps(one, y[i]));
    x[i] = _mm512_or_ps(y[i], x[i]);
  }
}

/* x[i] = clamp(x[i] / 6 + 0.5, 0, 1) */
TFP_TARGET_AVX512 TFP_INLINE void tfp_hard_sigmoid_avx512(const int n, __m512 *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = _mm512_mul_ps(x[i], _mm512_set1_ps(TFP_HARD_SIGMOID_SLOPE));
    x[i] = _mm512_add_ps(x[i], _mm512_set1_ps(0.5f));
    x[i] = _mm512_min_ps(_mm512_max_ps(x[i], _mm512_set1_ps(0.0f)), _mm512_set1_ps(1.0f));
  }
}

/* x[i] = clamp(x[i], -1, 1) */
TFP_TARGET_AVX512 TFP_INLINE void tfp_hard_tanh_avx512(const int n, __m512 *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = _mm512_min_ps(_mm512_max_ps(x[i], _mm512_set1_ps(-1.0f)), _mm512_set1_ps(1.0f));
  }
}

TFP_TARGET_AVX512 TFP_INLINE void tfp_recurrent_activation_avx512(const int function, const int n,
                                                                  __m512 *x) {
  if (function == TFP_SIGMOID) {
    tfp_sigmoid_avx512(n, x);
  } else {
    tfp_hard_sigmoid_avx512(n, x);
  }
}

TFP_TARGET_AVX512 TFP_INLINE void tfp_activation_avx512(const int function, const int n,
                                                        __m512 *x) {
  if (function == TFP_TANH) {
    tfp_tanh_avx512(n, x);
  } else {
    tfp_hard_tanh_avx512(n, x);
  }
}

/* h where |magnitude_of| is at least the floor, else 0 (and 0 for NaN). */
TFP_TARGET_AVX512 TFP_INLINE __m512 tfp_floor_state_avx512(__m512 magnitude_of, __m512 h) {
  const __m512 magnitude = _mm512_andnot_ps(_mm512_set1_ps(-0.0f), magnitude_of);
  const __mmask16 keep = _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(TFP_STATE_FLOOR), _CMP_GE_OQ);
  return _mm512_maskz_mov_ps(keep, h);
}

/* For states that may grow: what tfp_load_state would take in again. */
TFP_TARGET_AVX512 TFP_INLINE __m512 tfp_limit_state_avx512(__m512 state) {
  state = _mm512_max_ps(state, _mm512_set1_ps(-TFP_STATE_LIMIT));
  state = _mm512_min_ps(state, _mm512_set1_ps(TFP_STATE_LIMIT));
  return tfp_floor_state_avx512(state, state);
}

/* clamp(round(v), -127, 127) of 16 floats as int8. */
TFP_TARGET_AVX512 TFP_INLINE __m128i tfp_round_s8_avx512(__m512 v) {
  v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
  v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
  return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v));
}

#endif
