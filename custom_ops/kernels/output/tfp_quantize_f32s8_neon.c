#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"
#if TFP_AARCH64
#include "tfp_outputs_neon.h"

tfp_affine tfp_quantize_f32s8_neon(const float *x, size_t count, int8_t *q) {
  float32x4_t lowest[2] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
  float32x4_t highest[2] = {lowest[0], lowest[0]};
  const size_t whole = count / 16 * 16;
  for (size_t i = 0; i < whole; i += 8) {
    for (size_t j = 0; j < 2; ++j) {
      const float32x4_t v = vld1q_f32(x + i + 4 * j);
      lowest[j] = vminnmq_f32(lowest[j], v);
      highest[j] = vmaxnmq_f32(highest[j], v);
    }
  }
  float low = vminnmvq_f32(vminnmq_f32(lowest[0], lowest[1]));
  float high = vmaxnmvq_f32(vmaxnmq_f32(highest[0], highest[1]));
  for (size_t i = whole; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const tfp_row_levels levels = tfp_row_levels_c(low, high);
  const int16x8_t zero_point = vdupq_n_s16((int16_t)levels.affine.zero_point);
  for (size_t i = 0; i < whole; i += 16) {
    float32x4_t v[4];
    for (size_t j = 0; j < 4; ++j) v[j] = vmulq_n_f32(vld1q_f32(x + i + 4 * j), levels.inverse);
    vst1q_s8(q + i, tfp_levels_neon(v, zero_point));
  }
  for (size_t i = whole; i < count; ++i) q[i] = tfp_level_c(x[i], levels);
  return levels.affine;
}

#else
typedef int tfp_not_on_this_architecture;
#endif
