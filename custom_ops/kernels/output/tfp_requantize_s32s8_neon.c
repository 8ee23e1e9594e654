#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_gates_neon.h"

void tfp_requantize_s32s8_neon(const int32_t *acc, const float *multiplier, size_t count,
                               int8_t *out) {
  for (size_t i = 0; i < count; i += 16) {
    float32x4_t v[4];
    for (size_t j = 0; j < 4; ++j) {
      const float32x4_t sum = vcvtq_f32_s32(vld1q_s32(acc + i + 4 * j));
      v[j] = vmulq_f32(sum, vld1q_f32(multiplier + i + 4 * j));
    }
    vst1q_s8(out + i, tfp_round_s8_neon(v));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
