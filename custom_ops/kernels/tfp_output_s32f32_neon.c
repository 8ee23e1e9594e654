#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_AARCH64
#include <arm_neon.h>

void tfp_output_s32f32_neon(const int32_t *acc, const tfp_row_parameters *rows, size_t count,
                            tfp_output_f32 to, float *y) {
  const int32x4_t zero_point = vdupq_n_s32(to.x.zero_point);
  const float32x4_t low = vdupq_n_f32(to.low), high = vdupq_n_f32(to.high);
  for (size_t i = 0; i < count; i += 16) {
    for (size_t j = i; j < i + 16; j += 4) {
      const int32x4_t sums = vld1q_s32(rows->weight_sums + j);
      float32x4_t v = vcvtq_f32_s32(vmlsq_s32(vld1q_s32(acc + j), sums, zero_point));
      v = vmulq_f32(vmulq_n_f32(v, to.x.scale), vld1q_f32(rows->scales + j));
      v = vaddq_f32(v, vld1q_f32(rows->bias + j));
      vst1q_f32(y + j, vminnmq_f32(vmaxnmq_f32(v, low), high));
    }
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
