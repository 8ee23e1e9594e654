/* Vectors of 8 int16 numbers with NEON: tfp_words_c.h explains the names. */
#ifndef TFP_WORDS_NEON_H_
#define TFP_WORDS_NEON_H_

#include "../tfp_kernels.h"
#include "tfp_target.h"
#if !defined(TFP_WORDS_NAME)
#include <arm_neon.h>
#define TFP_WORDS_NAME(name) name##_neon
#endif

#define TFP_WORDS TFP_INLINE
#define TFP_WORDS_KERNEL

typedef int16x8_t tfp_words;
typedef int32x4_t tfp_longs;
enum { kWords = 8, kParts = 2 };

TFP_WORDS tfp_words w_set(int value) {
  return vdupq_n_s16((int16_t)value);
}

TFP_WORDS tfp_words w_load(const int16_t *from) {
  return vld1q_s16(from);
}

TFP_WORDS void w_store(int16_t *to, tfp_words v) {
  vst1q_s16(to, v);
}

TFP_WORDS void w_store_s8(int8_t *to, tfp_words v) {
  vst1_s8(to, vqmovn_s16(v));
}

TFP_WORDS tfp_words w_add(tfp_words a, tfp_words b) {
  return vaddq_s16(a, b);
}

TFP_WORDS tfp_words w_sub(tfp_words a, tfp_words b) {
  return vsubq_s16(a, b);
}

TFP_WORDS tfp_words w_add_saturated(tfp_words a, tfp_words b) {
  return vqaddq_s16(a, b);
}

TFP_WORDS tfp_words w_min(tfp_words a, tfp_words b) {
  return vminq_s16(a, b);
}

TFP_WORDS tfp_words w_max(tfp_words a, tfp_words b) {
  return vmaxq_s16(a, b);
}

TFP_WORDS tfp_words w_and(tfp_words a, tfp_words b) {
  return vandq_s16(a, b);
}

TFP_WORDS tfp_words w_high_product(tfp_words a, tfp_words b) {
  return vqrdmulhq_s16(a, b);
}

TFP_WORDS tfp_words w_mean(tfp_words a, tfp_words b) {
  return vrhaddq_s16(a, b);
}

TFP_WORDS tfp_words w_shift_left(tfp_words v, int count) {
  return vshlq_s16(v, vdupq_n_s16((int16_t)count));
}

TFP_WORDS tfp_words w_shift_right(tfp_words v, int count) {
  return vshlq_s16(v, vdupq_n_s16((int16_t)-count));
}

TFP_WORDS tfp_words w_if_bit(tfp_words v, tfp_words bit, tfp_words then, tfp_words otherwise) {
  return vbslq_s16(vtstq_s16(v, bit), then, otherwise);
}

TFP_WORDS tfp_words w_if_less(tfp_words a, tfp_words b, tfp_words then, tfp_words otherwise) {
  return vbslq_s16(vcltq_s16(a, b), then, otherwise);
}

TFP_WORDS tfp_words w_if_zero(tfp_words v, tfp_words then, tfp_words otherwise) {
  return vbslq_s16(vceqq_s16(v, vdupq_n_s16(0)), then, otherwise);
}

TFP_WORDS void l_load(const int32_t *from, tfp_longs *to) {
  to[0] = vld1q_s32(from);
  to[1] = vld1q_s32(from + 4);
}

TFP_WORDS void l_widen(tfp_words v, tfp_longs *to) {
  to[0] = vmovl_s16(vget_low_s16(v));
  to[1] = vmovl_s16(vget_high_s16(v));
}

TFP_WORDS void l_product(tfp_words a, tfp_words b, tfp_longs *to) {
  to[0] = vmull_s16(vget_low_s16(a), vget_low_s16(b));
  to[1] = vmull_s16(vget_high_s16(a), vget_high_s16(b));
}

TFP_WORDS tfp_words l_narrow(const tfp_longs *from) {
  return vcombine_s16(vqmovn_s32(from[0]), vqmovn_s32(from[1]));
}

TFP_WORDS tfp_longs l_set(int32_t value) {
  return vdupq_n_s32(value);
}

TFP_WORDS tfp_longs l_add(tfp_longs a, tfp_longs b) {
  return vaddq_s32(a, b);
}

TFP_WORDS tfp_longs l_multiply(tfp_longs a, tfp_longs b) {
  return vmulq_s32(a, b);
}

TFP_WORDS tfp_longs l_low(tfp_longs v) {
  return vandq_s32(v, vdupq_n_s32(0xffff));
}

TFP_WORDS tfp_longs l_high(tfp_longs v) {
  return vshrq_n_s32(v, 16);
}

TFP_WORDS int64_t l_total(tfp_longs v) {
  const int64x2_t pairs = vpaddlq_s32(v);
  return vgetq_lane_s64(pairs, 0) + vgetq_lane_s64(pairs, 1);
}

/* VRSHL rounds halves up: one less makes it down where a number is negative, and only where a shift
 * follows, as `right` is then negative itself. */
TFP_WORDS tfp_longs l_divide(tfp_longs v, int count) {
  const int32x4_t right = vdupq_n_s32(-count);
  const int32x4_t down = vshrq_n_s32(vandq_s32(v, right), 31);
  return vrshlq_s32(vqaddq_s32(v, down), right);
}

/* VQRDMULH rounds the upper half as the portable code does; the multiplier is positive, so it never
 * saturates. */
TFP_WORDS tfp_longs l_scale(tfp_longs v, tfp_fixed_scale by) {
  return l_divide(vqrdmulhq_n_s32(vshlq_s32(v, vdupq_n_s32(by.left)), by.multiplier), by.right);
}

#endif
