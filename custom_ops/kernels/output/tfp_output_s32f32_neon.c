#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include <arm_neon.h>

/* Columns share the parameters that 16 rows bring from memory. */
void tfp_output_s32f32_neon(const int32_t *acc, size_t acc_stride, size_t columns,
                            const tfp_row_parameters *rows, size_t count, const tfp_output_f32 *to,
                            float *y, size_t y_stride) {
  const float32x4_t low = vdupq_n_f32(to->low), high = vdupq_n_f32(to->high);
  const int32_t *weight_sums = rows->weight_sums;
  const float *row_scales = rows->scales, *biases = rows->bias;
  const tfp_affine *x = to->x;
  for (size_t i = 0; i < count; i += 16) {
    int32x4_t sums[4];
    float32x4_t scales[4], bias[4], v[4];
    for (size_t j = 0; j < 4; ++j) {
      sums[j] = vld1q_s32(weight_sums + i + 4 * j);
      scales[j] = vld1q_f32(row_scales + i + 4 * j);
      bias[j] = vld1q_f32(biases + i + 4 * j);
    }
    for (size_t n = 0; n < columns; ++n) {
      const int32x4_t zero_point = vdupq_n_s32(x[n].zero_point);
      const float32x4_t scale = vdupq_n_f32(x[n].scale);
      for (size_t j = 0; j < 4; ++j) {
        const int32x4_t sum = vld1q_s32(acc + n * acc_stride + i + 4 * j);
        v[j] = vmulq_f32(vcvtq_f32_s32(vmlsq_s32(sum, sums[j], zero_point)), scale);
        v[j] = vaddq_f32(vmulq_f32(v[j], scales[j]), bias[j]);
        v[j] = vminnmq_f32(vmaxnmq_f32(v[j], low), high);
      }
      for (size_t j = 0; j < 4; ++j) vst1q_f32(y + n * y_stride + i + 4 * j, v[j]);
    }
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
