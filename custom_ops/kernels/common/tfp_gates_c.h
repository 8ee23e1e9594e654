/* Gate functions of one float, portable: the order of operations is the spec. */
#ifndef TFP_GATES_C_H_
#define TFP_GATES_C_H_

#include <stdint.h>

#include "../tfp_kernels.h"
#include "tfp_bytes.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

TFP_INLINE uint32_t tfp_bits_c(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

TFP_INLINE float tfp_float_c(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

TFP_INLINE float tfp_abs_c(float x) {
  return tfp_float_c(tfp_bits_c(x) & 0x7fffffffu);
}

/* 2^y for |y| <= 43; adding n to the exponent field multiplies by 2^n exactly. */
TFP_INLINE float tfp_exp2_c(float y) {
  const float shifted = y + TFP_ROUNDING_MAGIC;
  const float n = shifted - TFP_ROUNDING_MAGIC;
  const float f = y - n;
  float p = f * TFP_EXP2_C5 + TFP_EXP2_C4;
  p = p * f + TFP_EXP2_C3;
  p = p * f + TFP_EXP2_C2;
  p = p * f + TFP_EXP2_C1;
  p = p * f + 1.0f;
  return tfp_float_c(tfp_bits_c(p) + (tfp_bits_c(shifted) << 23));
}

TFP_INLINE float tfp_sigmoid_c(float x) {
  float y = x * TFP_SIGMOID_FACTOR;
  y = y > -TFP_EXPONENT_LIMIT ? y : -TFP_EXPONENT_LIMIT;
  y = y < TFP_EXPONENT_LIMIT ? y : TFP_EXPONENT_LIMIT;
  return 1.0f / (1.0f + tfp_exp2_c(y));
}

TFP_INLINE float tfp_tanh_c(float x) {
  float y = tfp_abs_c(x) * TFP_TANH_FACTOR;
  y = y > -TFP_EXPONENT_LIMIT ? y : -TFP_EXPONENT_LIMIT;
  const float e = tfp_exp2_c(y);
  const float t = (1.0f - e) / (1.0f + e);
  return tfp_float_c(tfp_bits_c(t) | (tfp_bits_c(x) & 0x80000000u));
}

/* clamp(x / 6 + 0.5, 0, 1) */
TFP_INLINE float tfp_hard_sigmoid_c(float x) {
  float y = x * TFP_HARD_SIGMOID_SLOPE + 0.5f;
  y = y > 0.0f ? y : 0.0f;
  return y < 1.0f ? y : 1.0f;
}

/* clamp(x, -1, 1) */
TFP_INLINE float tfp_hard_tanh_c(float x) {
  x = x > -1.0f ? x : -1.0f;
  return x < 1.0f ? x : 1.0f;
}

TFP_INLINE float tfp_recurrent_activation_c(int function, float x) {
  return function == TFP_SIGMOID ? tfp_sigmoid_c(x) : tfp_hard_sigmoid_c(x);
}

TFP_INLINE float tfp_activation_c(int function, float x) {
  return function == TFP_TANH ? tfp_tanh_c(x) : tfp_hard_tanh_c(x);
}

/* clamp(round(v), -127, 127), ties to even. */
TFP_INLINE int8_t tfp_round_s8_c(float v) {
  v = v > -127.0f ? v : -127.0f;
  v = v < 127.0f ? v : 127.0f;
  const uint32_t bits = tfp_bits_c(v + TFP_ROUNDING_MAGIC);
  return (int8_t)((int32_t)(bits & 0xffu) - (int32_t)((bits & 0x80u) << 1));
}

TFP_INLINE float tfp_floor_state_c(float h) {
  return tfp_abs_c(h) >= TFP_STATE_FLOOR ? h : 0.0f;
}

/* For states that may grow: what tfp_load_state would take in again. */
TFP_INLINE float tfp_limit_state_c(float state) {
  state = state > -TFP_STATE_LIMIT ? state : -TFP_STATE_LIMIT;
  state = state < TFP_STATE_LIMIT ? state : TFP_STATE_LIMIT;
  return tfp_floor_state_c(state);
}

#endif
