#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_gates_neon.h"

void tfp_sigmoid_f32_neon(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 4) {
    float32x4_t v = vld1q_f32(x + i);
    tfp_sigmoid_neon(1, &v);
    vst1q_f32(y + i, v);
  }
}

void tfp_tanh_f32_neon(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 4) {
    float32x4_t v = vld1q_f32(x + i);
    tfp_tanh_neon(1, &v);
    vst1q_f32(y + i, v);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
