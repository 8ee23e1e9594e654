#include "../common/tfp_gates_c.h"
#include "../tfp_kernels.h"

enum { U = TFP_ROW_BLOCK };

/* float(acc) * multiplier + bias of one gate, with two roundings. */
static void scale(const int32_t *acc, const float *multiplier, const float *bias, float *out) {
  for (size_t i = 0; i < U; ++i) out[i] = (float)acc[i] * multiplier[i] + bias[i];
}

/* Each loop is one that compilers vectorize. */
void tfp_gru_gates_f32_c(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                         size_t blocks, const tfp_gate_settings *settings, float *h, int8_t *q) {
  for (size_t b = 0; b < blocks; ++b) {
    float p_x[3 * U], p_h[3 * U], z[U], r[U], state[U];
    for (size_t j = 0; j < 3 * U; j += U) {
      scale(acc_x + j, parameters + j, parameters + 3 * U + j, p_x + j);
      scale(acc_h + j, parameters + 6 * U + j, parameters + 9 * U + j, p_h + j);
    }
    for (size_t i = 0; i < U; ++i)
      z[i] = tfp_recurrent_activation_c(settings->recurrent_activation, p_x[i] + p_h[i]);
    for (size_t i = 0; i < U; ++i)
      r[i] = tfp_recurrent_activation_c(settings->recurrent_activation, p_x[U + i] + p_h[U + i]);
    for (size_t i = 0; i < U; ++i) {
      const float n =
          tfp_activation_c(settings->activation, p_x[2 * U + i] + r[i] * p_h[2 * U + i]);
      state[i] = tfp_floor_state_c(z[i] * h[i] + (1.0f - z[i]) * n);
    }
    for (size_t i = 0; i < U; ++i) {
      h[i] = state[i];
      q[i] = tfp_round_s8_c(state[i] * settings->inverse_scale);
    }
    acc_x += 3 * U;
    acc_h += 3 * U;
    parameters += TFP_GRU_PARAMETERS;
    h += U;
    q += U;
  }
}
