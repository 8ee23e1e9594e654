/* Bits and roundings of one float, portable. */
#ifndef TFP_FLOAT_C_H_
#define TFP_FLOAT_C_H_

#include <stdint.h>

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

/* clamp(round(v), -127, 127), ties to even. */
TFP_INLINE int8_t tfp_round_s8_c(float v) {
  v = v > -127.0f ? v : -127.0f;
  v = v < 127.0f ? v : 127.0f;
  const uint32_t bits = tfp_bits_c(v + TFP_ROUNDING_MAGIC);
  return (int8_t)((int32_t)(bits & 0xffu) - (int32_t)((bits & 0x80u) << 1));
}

#endif
