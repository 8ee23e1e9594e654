/* Rounding of floats to levels of int8 that have a zero point, on 32-bit Arm. */
#ifndef TFP_OUTPUTS_NEONV7_H_
#define TFP_OUTPUTS_NEONV7_H_

#include "../common/tfp_gate_constants.h"
#include "../common/tfp_neonv7.h"
#include "../common/tfp_target.h"

typedef struct tfp_levels_neonv7 {
  float32x4_t low, high; /* before the zero point is added */
  int16x8_t zero_point;
} tfp_levels_neonv7;

TFP_INLINE tfp_levels_neonv7 tfp_prepare_levels_neonv7(float low, float high, int32_t zero_point) {
  return (tfp_levels_neonv7){vdupq_n_f32(low), vdupq_n_f32(high), vdupq_n_s16((int16_t)zero_point)};
}

/* round(clamp(v, low, high)) + zero_point of 8 floats, ties to even: rounded values stand in the
 * low bits of what this unit, which cannot round, adds up. It flushes subnormal numbers to zero,
 * which is what they round to. */
TFP_INLINE int8x8_t tfp_round_levels_neonv7(float32x4_t a, float32x4_t b, tfp_levels_neonv7 to) {
  const float32x4_t magic = vdupq_n_f32(TFP_ROUNDING_MAGIC);
  a = vaddq_f32(vminq_f32(vmaxq_f32(a, to.low), to.high), magic);
  b = vaddq_f32(vminq_f32(vmaxq_f32(b, to.low), to.high), magic);
  const int16x4_t first = vmovn_s32(vreinterpretq_s32_f32(a));
  const int16x4_t second = vmovn_s32(vreinterpretq_s32_f32(b));
  return vmovn_s16(vaddq_s16(vcombine_s16(first, second), to.zero_point));
}

#endif
