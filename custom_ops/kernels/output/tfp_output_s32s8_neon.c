#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "tfp_outputs_neon.h"

void tfp_output_s32s8_neon(const int32_t *acc, const float *multiplier, size_t count,
                           tfp_output_s8 to, int8_t *y) {
  const int16x8_t zero_point = vdupq_n_s16((int16_t)to.zero_point);
  const int8x16_t low = vdupq_n_s8((int8_t)to.low), high = vdupq_n_s8((int8_t)to.high);
  for (size_t i = 0; i < count; i += 16) {
    float32x4_t v[4];
    for (size_t j = 0; j < 4; ++j) {
      const float32x4_t sum = vcvtq_f32_s32(vld1q_s32(acc + i + 4 * j));
      v[j] = vmulq_f32(sum, vld1q_f32(multiplier + i + 4 * j));
    }
    vst1q_s8(y + i, vminq_s8(vmaxq_s8(tfp_levels_neon(v, zero_point), low), high));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
