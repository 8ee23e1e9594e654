#include "../common/tfp_float_c.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"

tfp_affine tfp_quantize_f32s8_c(const float *x, size_t count, int8_t *q) {
  float low = 0.0f, high = 0.0f;
  for (size_t i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const tfp_row_levels levels = tfp_row_levels_c(low, high);
  for (size_t i = 0; i < count; ++i) q[i] = tfp_level_c(x[i], levels);
  return levels.affine;
}
