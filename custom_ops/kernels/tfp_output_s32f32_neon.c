#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_AARCH64
#include <arm_neon.h>

void tfp_output_s32f32_neon(const int32_t *acc, const tfp_row_parameters *rows, size_t count,
                            tfp_output_f32 to, float *y) {
  const int32x4_t zero_point = vdupq_n_s32(to.x.zero_point);
  const float32x4_t low = vdupq_n_f32(to.low), high = vdupq_n_f32(to.high);
  const int32_t *sums = rows->weight_sums;
  const float *scales = rows->scales, *bias = rows->bias;
  for (size_t i = 0; i < count; i += 16) {
    float32x4_t v[4];
    for (size_t j = 0; j < 4; ++j) {
      const size_t at = i + 4 * j;
      v[j] = vcvtq_f32_s32(vmlsq_s32(vld1q_s32(acc + at), vld1q_s32(sums + at), zero_point));
      v[j] = vmulq_f32(vmulq_n_f32(v[j], to.x.scale), vld1q_f32(scales + at));
      v[j] = vaddq_f32(v[j], vld1q_f32(bias + at));
      v[j] = vminnmq_f32(vmaxnmq_f32(v[j], low), high);
    }
    for (size_t j = 0; j < 4; ++j) vst1q_f32(y + i + 4 * j, v[j]);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
