#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_gates_neon.h"

enum { U = TFP_ROW_BLOCK };

/* float(acc) * multiplier + bias, with two roundings. */
TFP_INLINE float32x4_t scale(const int32_t *acc, const float *multiplier, const float *bias) {
  const float32x4_t v = vcvtq_f32_s32(vld1q_s32(acc));
  return vaddq_f32(vmulq_f32(v, vld1q_f32(multiplier)), vld1q_f32(bias));
}

/* The pre-activations of one gate, those of x apart from those of h. */
TFP_INLINE void gate(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                     float32x4_t *p_x, float32x4_t *p_h) {
  for (int i = 0; i < 4; ++i) {
    const int at = 4 * i;
    p_x[i] = scale(acc_x + at, parameters + at, parameters + 3 * U + at);
    p_h[i] = scale(acc_h + at, parameters + 6 * U + at, parameters + 9 * U + at);
  }
}

void tfp_gru_gates_f32_neon(const int32_t *acc_x, const int32_t *acc_h, const float *parameters,
                            size_t blocks, const tfp_gate_settings *settings, float *h, int8_t *q) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  for (; blocks > 0; --blocks) {
    float32x4_t z[4], r[4], n[4], p_h[4];
    gate(acc_x, acc_h, parameters, z, p_h);
    for (int i = 0; i < 4; ++i) z[i] = vaddq_f32(z[i], p_h[i]);
    tfp_recurrent_activation_neon(settings->recurrent_activation, 4, z);
    gate(acc_x + U, acc_h + U, parameters + U, r, p_h);
    for (int i = 0; i < 4; ++i) r[i] = vaddq_f32(r[i], p_h[i]);
    tfp_recurrent_activation_neon(settings->recurrent_activation, 4, r);
    gate(acc_x + 2 * U, acc_h + 2 * U, parameters + 2 * U, n, p_h);
    for (int i = 0; i < 4; ++i) n[i] = vaddq_f32(n[i], vmulq_f32(r[i], p_h[i]));
    tfp_activation_neon(settings->activation, 4, n);
    for (int i = 0; i < 4; ++i) {
      const float32x4_t kept = vmulq_f32(z[i], vld1q_f32(h + 4 * i));
      const float32x4_t added = vmulq_f32(vsubq_f32(one, z[i]), n[i]);
      const float32x4_t state = vaddq_f32(kept, added);
      n[i] = tfp_floor_state_neon(state, state);
      vst1q_f32(h + 4 * i, n[i]);
      n[i] = vmulq_f32(n[i], vdupq_n_f32(settings->inverse_scale));
    }
    vst1q_s8(q, tfp_round_s8_neon(n));
    acc_x += 3 * U;
    acc_h += 3 * U;
    parameters += TFP_GRU_PARAMETERS;
    h += U;
    q += U;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
