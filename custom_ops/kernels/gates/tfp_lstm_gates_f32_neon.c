#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_gates_neon.h"

enum { U = TFP_ROW_BLOCK };

TFP_INLINE float32x4_t product(const int32_t *acc, const float *multiplier) {
  return vmulq_f32(vcvtq_f32_s32(vld1q_s32(acc)), vld1q_f32(multiplier));
}

/* The pre-activations of one gate. */
TFP_INLINE void gate(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                     float32x4_t *p) {
  for (int i = 0; i < 4; ++i) {
    const float *m_x = parameters + 4 * i;
    const float32x4_t p_x = vaddq_f32(product(acc_x + 4 * i, m_x), vld1q_f32(m_x + 4 * U));
    p[i] = vaddq_f32(p_x, product(acc_h + 4 * i, m_x + 8 * U));
  }
}

void tfp_lstm_gates_f32_neon(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                             size_t blocks, const tfp_gate_settings *settings, float *h, float *c,
                             int8_t *q) {
  for (; blocks > 0; --blocks) {
    float32x4_t kept[4], added[4], v[4];
    gate(acc_x + U, acc_h + U, parameters + U, kept);
    tfp_recurrent_activation_neon(settings->recurrent_activation, 4, kept);
    for (int i = 0; i < 4; ++i) kept[i] = vmulq_f32(kept[i], vld1q_f32(c + 4 * i));
    gate(acc_x, acc_h, parameters, added);
    tfp_recurrent_activation_neon(settings->recurrent_activation, 4, added);
    gate(acc_x + 2 * U, acc_h + 2 * U, parameters + 2 * U, v);
    tfp_activation_neon(settings->activation, 4, v);
    for (int i = 0; i < 4; ++i) {
      v[i] = tfp_limit_state_neon(vaddq_f32(kept[i], vmulq_f32(added[i], v[i])));
      vst1q_f32(c + 4 * i, v[i]);
    }
    tfp_activation_neon(settings->activation, 4, v);
    gate(acc_x + 3 * U, acc_h + 3 * U, parameters + 3 * U, added);
    tfp_recurrent_activation_neon(settings->recurrent_activation, 4, added);
    for (int i = 0; i < 4; ++i) {
      v[i] = vmulq_f32(added[i], v[i]);
      v[i] = tfp_floor_state_neon(v[i], v[i]);
      vst1q_f32(h + 4 * i, v[i]);
      v[i] = vmulq_f32(v[i], vdupq_n_f32(settings->inverse_scale));
    }
    vst1q_s8(q, tfp_round_s8_neon(v));
    acc_x += 4 * U;
    acc_h += 4 * U;
    parameters += TFP_LSTM_PARAMETERS;
    h += U;
    c += U;
    q += U;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
