#include "../common/tfp_assert.h"
#include "../tfp_kernels.h"
#include "tfp_layer_norm_c.h"

enum { U = TFP_ROW_BLOCK };

tfp_moments tfp_moments_f32_c(const tfp_gate_products *of, float epsilon) {
  TFP_ASSERT(of->units > 0 && of->acc_step >= U && epsilon > 0.0f);
  float lanes[U] = {0.0f};
  const int32_t *acc = of->acc;
  const float *m = of->multiplier;
  for (size_t unit = 0; unit < of->units; unit += U) {
    for (size_t i = 0; i < U; ++i) lanes[i] += (float)acc[i] * m[i];
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float mean = tfp_fold_c(lanes) / (float)of->units;
  for (size_t i = 0; i < U; ++i) lanes[i] = 0.0f;
  acc = of->acc;
  m = of->multiplier;
  for (size_t unit = 0; unit < of->units; unit += U) {
    const size_t left = of->units - unit, inside = left < U ? left : U;
    for (size_t i = 0; i < inside; ++i) {
      const float d = (float)acc[i] * m[i] - mean;
      const float kept = v_floor_state(d, d);
      lanes[i] += kept * kept;
    }
    acc += of->acc_step;
    m += of->multiplier_step;
  }
  const float variance = tfp_fold_c(lanes) / (float)of->units;
  return (tfp_moments){mean, 1.0f / tfp_sqrt_c(variance + epsilon)};
}

void tfp_normalize_f32_c(const tfp_moments *moments, const float *gains, size_t gates,
                         const float *multiplier, const float *bias, float *multiplier_out,
                         float *bias_out) {
  for (size_t gate = 0; gate < gates; ++gate) {
    for (size_t i = gate * U; i < (gate + 1) * U; ++i) {
      const float scale = moments[gate].inverse * gains[i];
      multiplier_out[i] = multiplier[i] * scale;
      bias_out[i] = bias[i] - moments[gate].mean * scale;
    }
  }
}
