#include "../common/tfp_gates_c.h"
#include "../tfp_kernels.h"

void tfp_sigmoid_f32_c(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; ++i) y[i] = tfp_sigmoid_c(x[i]);
}

void tfp_tanh_f32_c(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; ++i) y[i] = tfp_tanh_c(x[i]);
}
