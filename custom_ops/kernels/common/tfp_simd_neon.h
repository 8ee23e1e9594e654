/* Vectors of 4 floats: see tfp_simd_c.h. */
#ifndef TFP_SIMD_NEON_H_
#define TFP_SIMD_NEON_H_

#include <arm_neon.h>

#include "../tfp_kernels.h"
#include "tfp_gate_constants.h"
#include "tfp_target.h"

#define TFP_SIMD TFP_INLINE
#define TFP_SIMD_KERNEL
#define TFP_SIMD_NAME(name) name##_neon
#define TFP_EACH(i, n) for (int i = 0; i < (n); ++i)

typedef float32x4_t tfp_floats;
enum { kLanes = 4, kSideBySide = 4 };

TFP_SIMD tfp_floats v_set(float value) {
  return vdupq_n_f32(value);
}

TFP_SIMD tfp_floats v_load(const float *from) {
  return vld1q_f32(from);
}

TFP_SIMD tfp_floats v_load_s32(const int32_t *from) {
  return vcvtq_f32_s32(vld1q_s32(from));
}

TFP_SIMD void v_store(float *to, tfp_floats v) {
  vst1q_f32(to, v);
}

TFP_SIMD tfp_floats v_add(tfp_floats a, tfp_floats b) {
  return vaddq_f32(a, b);
}

TFP_SIMD tfp_floats v_sub(tfp_floats a, tfp_floats b) {
  return vsubq_f32(a, b);
}

TFP_SIMD tfp_floats v_mul(tfp_floats a, tfp_floats b) {
  return vmulq_f32(a, b);
}

TFP_SIMD tfp_floats v_div(tfp_floats a, tfp_floats b) {
  return vdivq_f32(a, b);
}

TFP_SIMD tfp_floats v_at_least(tfp_floats v, float limit) {
  return vmaxnmq_f32(v, vdupq_n_f32(limit));
}

TFP_SIMD tfp_floats v_at_most(tfp_floats v, float limit) {
  return vminnmq_f32(v, vdupq_n_f32(limit));
}

TFP_SIMD tfp_floats v_abs(tfp_floats v) {
  return vabsq_f32(v);
}

TFP_SIMD tfp_floats v_with_sign(tfp_floats v, tfp_floats sign_of) {
  return vbslq_f32(vdupq_n_u32(0x80000000u), sign_of, v);
}

TFP_SIMD tfp_floats v_add_exponent(tfp_floats v, tfp_floats bits_of) {
  const int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(bits_of), 23);
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(v), exponent));
}

TFP_SIMD tfp_floats v_floor_state(tfp_floats magnitude_of, tfp_floats state) {
  const uint32x4_t keep = vcageq_f32(magnitude_of, vdupq_n_f32(TFP_STATE_FLOOR));
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(state), keep));
}

/* Conversion and narrowing saturate; `v` is never NaN, because scales and states are finite. */
TFP_SIMD void v_store_s8(int8_t *to, const tfp_floats *v, const int n) {
  for (int i = 0; i < n; i += 4) {
    const int16x8_t low =
        vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v[i])), vqmovn_s32(vcvtnq_s32_f32(v[i + 1])));
    const int16x8_t high =
        vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v[i + 2])), vqmovn_s32(vcvtnq_s32_f32(v[i + 3])));
    const int8x16_t levels = vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
    vst1q_s8(to + i * kLanes, vmaxq_s8(levels, vdupq_n_s8(-127)));
  }
}

#endif
