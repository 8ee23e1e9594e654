/* Gate functions of 4 floats: tfp_gates_c.h, operation by operation. */
#ifndef TFP_GATES_NEON_H_
#define TFP_GATES_NEON_H_

#include <arm_neon.h>
#include <stdint.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

/* `n` vectors run side by side: one alone would leave the processor waiting for its latency. */
TFP_INLINE void tfp_exp2_neon(const int n, float32x4_t *y) {
  const float32x4_t magic = vdupq_n_f32(TFP_ROUNDING_MAGIC);
  float32x4_t shifted[4], p[4];
  for (int i = 0; i < n; ++i) shifted[i] = vaddq_f32(y[i], magic);
  for (int i = 0; i < n; ++i) p[i] = vsubq_f32(shifted[i], magic);
  for (int i = 0; i < n; ++i) y[i] = vsubq_f32(y[i], p[i]);
  for (int i = 0; i < n; ++i) p[i] = vmulq_f32(y[i], vdupq_n_f32(TFP_EXP2_C5));
  for (int i = 0; i < n; ++i) p[i] = vaddq_f32(p[i], vdupq_n_f32(TFP_EXP2_C4));
  for (int i = 0; i < n; ++i) p[i] = vmulq_f32(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = vaddq_f32(p[i], vdupq_n_f32(TFP_EXP2_C3));
  for (int i = 0; i < n; ++i) p[i] = vmulq_f32(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = vaddq_f32(p[i], vdupq_n_f32(TFP_EXP2_C2));
  for (int i = 0; i < n; ++i) p[i] = vmulq_f32(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = vaddq_f32(p[i], vdupq_n_f32(TFP_EXP2_C1));
  for (int i = 0; i < n; ++i) p[i] = vmulq_f32(p[i], y[i]);
  for (int i = 0; i < n; ++i) p[i] = vaddq_f32(p[i], vdupq_n_f32(1.0f));
  for (int i = 0; i < n; ++i) {
    const int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(shifted[i]), 23);
    y[i] = vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p[i]), exponent));
  }
}

/* The larger (smaller) of v and a limit, and the limit where v is not a number. */
TFP_INLINE float32x4_t tfp_at_least_neon(float32x4_t v, float limit) {
  return vmaxnmq_f32(v, vdupq_n_f32(limit));
}

TFP_INLINE float32x4_t tfp_at_most_neon(float32x4_t v, float limit) {
  return vminnmq_f32(v, vdupq_n_f32(limit));
}

/* x[i] = sigmoid(x[i]) */
TFP_INLINE void tfp_sigmoid_neon(const int n, float32x4_t *x) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  for (int i = 0; i < n; ++i) {
    x[i] = vmulq_f32(x[i], vdupq_n_f32(TFP_SIGMOID_FACTOR));
    x[i] = tfp_at_most_neon(tfp_at_least_neon(x[i], -TFP_EXPONENT_LIMIT), TFP_EXPONENT_LIMIT);
  }
  tfp_exp2_neon(n, x);
  for (int i = 0; i < n; ++i) x[i] = vaddq_f32(one, x[i]);
  for (int i = 0; i < n; ++i) x[i] = vdivq_f32(one, x[i]);
}

/* x[i] = tanh(x[i]) */
TFP_INLINE void tfp_tanh_neon(const int n, float32x4_t *x) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  const uint32x4_t sign_bit = vdupq_n_u32(0x80000000u);
  float32x4_t y[4];
  for (int i = 0; i < n; ++i) {
    y[i] = vmulq_f32(vabsq_f32(x[i]), vdupq_n_f32(TFP_TANH_FACTOR));
    y[i] = tfp_at_least_neon(y[i], -TFP_EXPONENT_LIMIT);
  }
  tfp_exp2_neon(n, y);
  for (int i = 0; i < n; ++i) {
    y[i] = vdivq_f32(vsubq_f32(one, y[i]), vaddq_f32(one, y[i]));
    x[i] = vbslq_f32(sign_bit, x[i], y[i]); /* the quotient is never negative */
  }
}

/* x[i] = clamp(x[i] / 6 + 0.5, 0, 1) */
TFP_INLINE void tfp_hard_sigmoid_neon(const int n, float32x4_t *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = vmulq_f32(x[i], vdupq_n_f32(TFP_HARD_SIGMOID_SLOPE));
    x[i] = vaddq_f32(x[i], vdupq_n_f32(0.5f));
    x[i] = tfp_at_most_neon(tfp_at_least_neon(x[i], 0.0f), 1.0f);
  }
}

/* x[i] = clamp(x[i], -1, 1) */
TFP_INLINE void tfp_hard_tanh_neon(const int n, float32x4_t *x) {
  for (int i = 0; i < n; ++i) {
    x[i] = tfp_at_most_neon(tfp_at_least_neon(x[i], -1.0f), 1.0f);
  }
}

TFP_INLINE void tfp_recurrent_activation_neon(const int function, const int n, float32x4_t *x) {
  if (function == TFP_SIGMOID) {
    tfp_sigmoid_neon(n, x);
  } else {
    tfp_hard_sigmoid_neon(n, x);
  }
}

TFP_INLINE void tfp_activation_neon(const int function, const int n, float32x4_t *x) {
  if (function == TFP_TANH) {
    tfp_tanh_neon(n, x);
  } else {
    tfp_hard_tanh_neon(n, x);
  }
}

/* h where |magnitude_of| is at least the floor, else 0 (and 0 for NaN). */
TFP_INLINE float32x4_t tfp_floor_state_neon(float32x4_t magnitude_of, float32x4_t h) {
  const uint32x4_t keep = vcageq_f32(magnitude_of, vdupq_n_f32(TFP_STATE_FLOOR));
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(h), keep));
}

/* For states that may grow: what tfp_load_state would take in again. */
TFP_INLINE float32x4_t tfp_limit_state_neon(float32x4_t state) {
  state = tfp_at_most_neon(tfp_at_least_neon(state, -TFP_STATE_LIMIT), TFP_STATE_LIMIT);
  return tfp_floor_state_neon(state, state);
}

/* clamp(round(v), -127, 127) of 16 floats as int8, ties to even. Conversion and narrowing saturate;
 * v is never NaN, because scales and states are finite. */
TFP_INLINE int8x16_t tfp_round_s8_neon(const float32x4_t *v) {
  const int16x8_t low =
      vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v[0])), vqmovn_s32(vcvtnq_s32_f32(v[1])));
  const int16x8_t high =
      vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v[2])), vqmovn_s32(vcvtnq_s32_f32(v[3])));
  return vmaxq_s8(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)), vdupq_n_s8(-127));
}

#endif
