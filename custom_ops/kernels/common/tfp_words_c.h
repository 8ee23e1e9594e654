/* "Vectors" of one int16 number, and of the int32 numbers that its products are, for what is
 * written once for all instruction sets (*.inc): portable, and the definition of what the other
 * tfp_words_*.h compute. A source file includes one of them. Sums wrap around where nothing else is
 * said. */
#ifndef TFP_WORDS_C_H_
#define TFP_WORDS_C_H_

#include "../tfp_kernels.h"
#include "tfp_target.h"

#define TFP_WORDS TFP_INLINE          /* before functions used in this file only */
#define TFP_WORDS_KERNEL              /* before the others */
#define TFP_WORDS_NAME(name) name##_c /* a kernel's name */

typedef int16_t tfp_words;
typedef int32_t tfp_longs;
enum { kWords = 1, kParts = 1 /* vectors of int32 that hold as many numbers */ };

TFP_INLINE int32_t tfp_limit_c(int32_t v, int32_t low, int32_t high) {
  return v < low ? low : v > high ? high : v;
}

TFP_WORDS tfp_words w_set(int value) {
  return (int16_t)value;
}

TFP_WORDS tfp_words w_load(const int16_t *from) {
  return *from;
}

TFP_WORDS void w_store(int16_t *to, tfp_words v) {
  *to = v;
}

/* Clamped to int8. */
TFP_WORDS void w_store_s8(int8_t *to, tfp_words v) {
  *to = (int8_t)tfp_limit_c(v, INT8_MIN, INT8_MAX);
}

TFP_WORDS tfp_words w_add(tfp_words a, tfp_words b) {
  return (int16_t)(uint16_t)(a + b);
}

TFP_WORDS tfp_words w_sub(tfp_words a, tfp_words b) {
  return (int16_t)(uint16_t)(a - b);
}

TFP_WORDS tfp_words w_add_saturated(tfp_words a, tfp_words b) {
  return (int16_t)tfp_limit_c(a + b, INT16_MIN, INT16_MAX);
}

TFP_WORDS tfp_words w_min(tfp_words a, tfp_words b) {
  return a < b ? a : b;
}

TFP_WORDS tfp_words w_max(tfp_words a, tfp_words b) {
  return a > b ? a : b;
}

TFP_WORDS tfp_words w_and(tfp_words a, tfp_words b) {
  return (int16_t)(a & b);
}

/* (a b + 2^14) >> 15; not for two times -2^15. */
TFP_WORDS tfp_words w_high_product(tfp_words a, tfp_words b) {
  return (int16_t)((a * b + (1 << 14)) >> 15);
}

/* (a + b + 1) / 2 of numbers that are not negative. */
TFP_WORDS tfp_words w_mean(tfp_words a, tfp_words b) {
  return (int16_t)((a + b + 1) >> 1);
}

TFP_WORDS tfp_words w_shift_left(tfp_words v, int count) {
  return (int16_t)(uint16_t)((uint32_t)v << count);
}

TFP_WORDS tfp_words w_shift_right(tfp_words v, int count) {
  return (int16_t)(v >> count);
}

/* `then` where `v` has the one bit of `bit`, and so on. */
TFP_WORDS tfp_words w_if_bit(tfp_words v, tfp_words bit, tfp_words then, tfp_words otherwise) {
  return (v & bit) != 0 ? then : otherwise;
}

TFP_WORDS tfp_words w_if_less(tfp_words a, tfp_words b, tfp_words then, tfp_words otherwise) {
  return a < b ? then : otherwise;
}

TFP_WORDS tfp_words w_if_zero(tfp_words v, tfp_words then, tfp_words otherwise) {
  return v == 0 ? then : otherwise;
}

TFP_WORDS void l_load(const int32_t *from, tfp_longs *to) {
  to[0] = *from;
}

TFP_WORDS void l_widen(tfp_words v, tfp_longs *to) {
  to[0] = v;
}

TFP_WORDS void l_product(tfp_words a, tfp_words b, tfp_longs *to) {
  to[0] = a * b;
}

/* Clamped to int16. */
TFP_WORDS tfp_words l_narrow(const tfp_longs *from) {
  return (int16_t)tfp_limit_c(from[0], INT16_MIN, INT16_MAX);
}

TFP_WORDS tfp_longs l_set(int32_t value) {
  return value;
}

TFP_WORDS tfp_longs l_add(tfp_longs a, tfp_longs b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* The lower half of a product. */
TFP_WORDS tfp_longs l_multiply(tfp_longs a, tfp_longs b) {
  return (int32_t)((uint32_t)a * (uint32_t)b);
}

/* The lower and the upper 16 bits of a number that is not negative. */
TFP_WORDS tfp_longs l_low(tfp_longs v) {
  return v & 0xffff;
}

TFP_WORDS tfp_longs l_high(tfp_longs v) {
  return v >> 16;
}

/* The sum of all numbers. */
TFP_WORDS int64_t l_total(tfp_longs v) {
  return v;
}

/* v / 2^count, halves away from zero. */
TFP_WORDS tfp_longs l_divide(tfp_longs v, int count) {
  const int32_t mask = (int32_t)((1u << count) - 1u);
  return (v >> count) + ((v & mask) > (mask >> 1) + (v < 0));
}

/* v * multiplier / 2^31 * 2^left / 2^right, rounded twice: custom_ops/spec/builtin_lstm.md. */
TFP_WORDS tfp_longs l_scale(tfp_longs v, tfp_fixed_scale by) {
  const int32_t shifted = (int32_t)((uint32_t)v << by.left);
  const int64_t product = (int64_t)shifted * by.multiplier;
  return l_divide((int32_t)((product + (INT64_C(1) << 30)) >> 31), by.right);
}

#endif
