#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON
#include "tfp_outputs_neonv7.h"

TFP_INLINE float32x4_t scaled(const int32_t *acc, const float *multiplier) {
  return vmulq_f32(vcvtq_f32_s32(vld1q_s32(acc)), vld1q_f32(multiplier));
}

void tfp_output_s32s8_neonv7(const int32_t *acc, const float *multiplier, size_t count,
                             tfp_output_s8 to, int8_t *y) {
  const tfp_levels_neonv7 levels = tfp_prepare_levels_neonv7(
      (float)(to.low - to.zero_point), (float)(to.high - to.zero_point), to.zero_point);
  for (size_t i = 0; i < count; i += 8) {
    const float32x4_t a = scaled(acc + i, multiplier + i);
    const float32x4_t b = scaled(acc + i + 4, multiplier + i + 4);
    vst1_s8(y + i, tfp_round_levels_neonv7(a, b, levels));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
