#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_gates_neon.h"

void tfp_load_state_f32_neon(const float *source, size_t count, float inverse_scale, float *h,
                             int8_t *q) {
  for (size_t i = 0; i < count; i += TFP_ROW_BLOCK) {
    float rest[TFP_ROW_BLOCK] = {0};
    const float *values = source + i;
    if (count - i < TFP_ROW_BLOCK) {
      for (size_t j = 0; j < count - i; ++j) rest[j] = values[j];
      values = rest;
    }
    float32x4_t v[4];
    for (int j = 0; j < 4; ++j) {
      const float32x4_t value = vld1q_f32(values + 4 * j);
      v[j] = tfp_at_most_neon(tfp_at_least_neon(value, -TFP_STATE_LIMIT), TFP_STATE_LIMIT);
      v[j] = tfp_floor_state_neon(value, v[j]);
      vst1q_f32(h + i + (size_t)(4 * j), v[j]);
      v[j] = vmulq_f32(v[j], vdupq_n_f32(inverse_scale));
    }
    vst1q_s8(q + i, tfp_round_s8_neon(v));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
