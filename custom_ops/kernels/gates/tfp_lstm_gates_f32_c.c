#include "../common/tfp_gates_c.h"
#include "../tfp_kernels.h"

enum { U = TFP_ROW_BLOCK };

/* Each loop is one that compilers vectorize. */
void tfp_lstm_gates_f32_c(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                          size_t blocks, const tfp_gate_settings *settings, float *h, float *c,
                          int8_t *q) {
  for (size_t b = 0; b < blocks; ++b) {
    float p[4 * U], input[U], forget[U], candidate[U], output[U];
    for (size_t j = 0; j < 4 * U; ++j) {
      const float p_x = (float)acc_x[j] * parameters[j] + parameters[4 * U + j];
      p[j] = p_x + (float)acc_h[j] * parameters[8 * U + j];
    }
    for (size_t i = 0; i < U; ++i)
      input[i] = tfp_recurrent_activation_c(settings->recurrent_activation, p[i]);
    for (size_t i = 0; i < U; ++i)
      forget[i] = tfp_recurrent_activation_c(settings->recurrent_activation, p[U + i]);
    for (size_t i = 0; i < U; ++i)
      candidate[i] = tfp_activation_c(settings->activation, p[2 * U + i]);
    for (size_t i = 0; i < U; ++i)
      output[i] = tfp_recurrent_activation_c(settings->recurrent_activation, p[3 * U + i]);
    for (size_t i = 0; i < U; ++i) {
      c[i] = tfp_limit_state_c(forget[i] * c[i] + input[i] * candidate[i]);
    }
    for (size_t i = 0; i < U; ++i)
      h[i] = tfp_floor_state_c(output[i] * tfp_activation_c(settings->activation, c[i]));
    for (size_t i = 0; i < U; ++i) q[i] = tfp_round_s8_c(h[i] * settings->inverse_scale);
    acc_x += 4 * U;
    acc_h += 4 * U;
    parameters += TFP_LSTM_PARAMETERS;
    h += U;
    c += U;
    q += U;
  }
}
