/* Rounding of floats to levels of int8 that have a zero point. */
#ifndef TFP_OUTPUTS_NEON_H_
#define TFP_OUTPUTS_NEON_H_

#include <arm_neon.h>

#include "../common/tfp_target.h"

/* clamp(round(v) + zero_point, -128, 127) of 16 floats, ties to even. Conversion, narrowing and the
 * sum saturate, so clamping comes last and its result is the same. */
TFP_INLINE int8x16_t tfp_levels_neon(const float32x4_t *v, int16x8_t zero_point) {
  int16x8_t low = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(v[0])), vcvtnq_s32_f32(v[1]));
  int16x8_t high = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(v[2])), vcvtnq_s32_f32(v[3]));
  low = vqaddq_s16(low, zero_point);
  high = vqaddq_s16(high, zero_point);
  return vqmovn_high_s16(vqmovn_s16(low), high);
}

#endif
