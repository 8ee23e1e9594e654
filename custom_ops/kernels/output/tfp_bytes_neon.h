/* Scaling of sums to uint8 as tfp_output_s32u8_c.c has it, on 32-bit and 64-bit Arm. */
#ifndef TFP_BYTES_NEON_H_
#define TFP_BYTES_NEON_H_

#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON
#include "../common/tfp_neonv7.h"
#else
#include <arm_neon.h>
#endif

typedef struct tfp_bytes_neon {
  int32x4_t offset, left, right, low, high, zero_point;
  int32_t multiplier;
} tfp_bytes_neon;

TFP_INLINE tfp_bytes_neon tfp_prepare_bytes_neon(tfp_output_u8 to) {
  return (tfp_bytes_neon){
      .offset = vdupq_n_s32(to.offset),
      .left = vdupq_n_s32(to.left),
      .right = vdupq_n_s32(-to.right),
      .low = vdupq_n_s32(to.low - to.zero_point),
      .high = vdupq_n_s32(to.high - to.zero_point),
      .zero_point = vdupq_n_s32(to.zero_point),
      .multiplier = to.multiplier,
  };
}

/* VQRDMULH rounds the upper half up as the portable code does; the multiplier is positive, so it
 * never saturates. VRSHL rounds ties up too: one less makes it down where a number is negative, and
 * only where a shift follows, as `right` is then negative itself. */
TFP_INLINE uint16x4_t tfp_to_bytes_neon(const int32_t *acc, tfp_bytes_neon to) {
  const int32x4_t sum = vshlq_s32(vaddq_s32(vld1q_s32(acc), to.offset), to.left);
  const int32x4_t scaled = vqrdmulhq_n_s32(sum, to.multiplier);
  const int32x4_t down = vshrq_n_s32(vandq_s32(scaled, to.right), 31);
  const int32x4_t level = vrshlq_s32(vqaddq_s32(scaled, down), to.right);
  const int32x4_t inside = vminq_s32(vmaxq_s32(level, to.low), to.high);
  return vmovn_u32(vreinterpretq_u32_s32(vaddq_s32(inside, to.zero_point)));
}

/* The results of 8 sums. */
TFP_INLINE uint8x8_t tfp_to_8_bytes_neon(const int32_t *acc, tfp_bytes_neon to) {
  return vmovn_u16(vcombine_u16(tfp_to_bytes_neon(acc, to), tfp_to_bytes_neon(acc + 4, to)));
}

#endif
