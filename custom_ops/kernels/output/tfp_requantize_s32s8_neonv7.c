#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON
#include "../common/tfp_gate_constants.h"
#include "../common/tfp_neonv7.h"

/* The rounded values stand in the low bits. This unit flushes subnormal products to zero, which is
 * what they round to. */
TFP_INLINE int16x4_t round_four(const int32_t *acc, const float *multiplier) {
  float32x4_t v = vmulq_f32(vcvtq_f32_s32(vld1q_s32(acc)), vld1q_f32(multiplier));
  v = vminq_f32(vmaxq_f32(v, vdupq_n_f32(-127.0f)), vdupq_n_f32(127.0f));
  return vmovn_s32(vreinterpretq_s32_f32(vaddq_f32(v, vdupq_n_f32(TFP_ROUNDING_MAGIC))));
}

void tfp_requantize_s32s8_neonv7(const int32_t *acc, const float *multiplier, size_t count,
                                 int8_t *out) {
  for (size_t i = 0; i < count; i += 8) {
    const int16x4_t low = round_four(acc + i, multiplier + i);
    const int16x4_t high = round_four(acc + i + 4, multiplier + i + 4);
    vst1_s8(out + i, vmovn_s16(vcombine_s16(low, high)));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
