#include "../common/tfp_gates_c.h"
#include "../tfp_kernels.h"

void tfp_load_state_f32_c(const float *source, size_t count, float inverse_scale, float *h,
                          int8_t *q) {
  size_t i = 0;
  for (; i < count; ++i) {
    float value = source[i];
    const bool keep = tfp_abs_c(value) >= TFP_STATE_FLOOR; /* false for NaN too */
    value = value > -TFP_STATE_LIMIT ? value : -TFP_STATE_LIMIT;
    value = value < TFP_STATE_LIMIT ? value : TFP_STATE_LIMIT;
    h[i] = keep ? value : 0.0f;
    q[i] = tfp_round_s8_c(h[i] * inverse_scale);
  }
  for (; i % TFP_ROW_BLOCK != 0; ++i) {
    h[i] = 0.0f;
    q[i] = 0;
  }
}
