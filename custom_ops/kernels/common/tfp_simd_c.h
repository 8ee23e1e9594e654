/* "Vectors" of one float for what is written once for all instruction sets (*.inc): portable, and
 * the definition of what the other tfp_simd_*.h compute. A source file includes one of them. */
#ifndef TFP_SIMD_C_H_
#define TFP_SIMD_C_H_

#include "../tfp_kernels.h"
#include "tfp_float_c.h"

#define TFP_SIMD TFP_INLINE          /* before functions used in this file only */
#define TFP_SIMD_KERNEL              /* before the others */
#define TFP_SIMD_NAME(name) name##_c /* a kernel's name */

/* A loop over vectors. Compilers vectorize this one, unless they unroll it first. */
#if defined(__GNUC__) && !defined(__clang__)
#define TFP_EACH(i, n) _Pragma("GCC unroll 1") for (int i = 0; i < (n); ++i)
#else
#define TFP_EACH(i, n) for (int i = 0; i < (n); ++i)
#endif

typedef float tfp_floats;
enum {
  kLanes = 1,
  kSideBySide = 1, /* vectors at once: one alone would leave a processor waiting for its latency */
};

TFP_SIMD tfp_floats v_set(float value) {
  return value;
}

TFP_SIMD tfp_floats v_load(const float *from) {
  return *from;
}

TFP_SIMD tfp_floats v_load_s32(const int32_t *from) {
  return (float)*from;
}

TFP_SIMD void v_store(float *to, tfp_floats v) {
  *to = v;
}

TFP_SIMD tfp_floats v_add(tfp_floats a, tfp_floats b) {
  return a + b;
}

TFP_SIMD tfp_floats v_sub(tfp_floats a, tfp_floats b) {
  return a - b;
}

TFP_SIMD tfp_floats v_mul(tfp_floats a, tfp_floats b) {
  return a * b;
}

TFP_SIMD tfp_floats v_div(tfp_floats a, tfp_floats b) {
  return a / b;
}

/* The larger (smaller) of `v` and a limit, and the limit where `v` is not a number. */
TFP_SIMD tfp_floats v_at_least(tfp_floats v, float limit) {
  return v > limit ? v : limit;
}

TFP_SIMD tfp_floats v_at_most(tfp_floats v, float limit) {
  return v < limit ? v : limit;
}

TFP_SIMD tfp_floats v_abs(tfp_floats v) {
  return tfp_abs_c(v);
}

/* `v`, which is not negative, with the sign of the other. */
TFP_SIMD tfp_floats v_with_sign(tfp_floats v, tfp_floats sign_of) {
  return tfp_float_c(tfp_bits_c(v) | (tfp_bits_c(sign_of) & 0x80000000u));
}

/* Adds the low 9 bits of `bits_of` to the exponent field: multiplies by a power of two. */
TFP_SIMD tfp_floats v_add_exponent(tfp_floats v, tfp_floats bits_of) {
  return tfp_float_c(tfp_bits_c(v) + (tfp_bits_c(bits_of) << 23));
}

/* `state` where |magnitude_of| is at least the floor, else 0 (and 0 for NaN). */
TFP_SIMD tfp_floats v_floor_state(tfp_floats magnitude_of, tfp_floats state) {
  return tfp_abs_c(magnitude_of) >= TFP_STATE_FLOOR ? state : 0.0f;
}

/* clamp(round(v), -127, 127) of `n` vectors, ties to even. */
TFP_SIMD void v_store_s8(int8_t *to, const tfp_floats *v, const int n) {
  TFP_EACH (i, n) to[i] = tfp_round_s8_c(v[i]);
}

#endif
