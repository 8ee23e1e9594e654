#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx512.h"

/* float(acc) * multiplier + bias, with two roundings. */
TFP_TARGET_AVX512 TFP_INLINE __m512 scale(const int32_t *acc, const float *multiplier,
                                          const float *bias) {
  const __m512 v = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc));
  return _mm512_add_ps(_mm512_mul_ps(v, _mm512_loadu_ps(multiplier)), _mm512_loadu_ps(bias));
}

enum { U = TFP_ROW_BLOCK, kBlocksAtOnce = 4 };

/* Both sigmoids of `n` blocks: z, and what tanh is taken of. */
TFP_TARGET_AVX512 TFP_INLINE void first_pass(const int n, const int32_t *acc_x,
                                             const int32_t *acc_h, const float *parameters,
                                             const tfp_gate_settings *settings, __m512 *update,
                                             __m512 *candidate) {
  __m512 gates[4];
  for (int b = 0; b < n; ++b) {
    const int32_t *x = acc_x + b * 3 * U, *y = acc_h + b * 3 * U;
    const float *m_x = parameters + b * TFP_GRU_PARAMETERS;
    const float *b_x = m_x + 3 * U, *m_h = b_x + 3 * U, *b_h = m_h + 3 * U;
    gates[2 * b] = _mm512_add_ps(scale(x, m_x, b_x), scale(y, m_h, b_h));
    gates[2 * b + 1] =
        _mm512_add_ps(scale(x + U, m_x + U, b_x + U), scale(y + U, m_h + U, b_h + U));
  }
  tfp_recurrent_activation_avx512(settings->recurrent_activation, 2 * n, gates);
  for (int b = 0; b < n; ++b) {
    const int32_t *x = acc_x + b * 3 * U + 2 * U, *y = acc_h + b * 3 * U + 2 * U;
    const float *m_x = parameters + b * TFP_GRU_PARAMETERS + 2 * U;
    const float *b_x = m_x + 3 * U, *m_h = b_x + 3 * U, *b_h = m_h + 3 * U;
    update[b] = gates[2 * b];
    candidate[b] =
        _mm512_add_ps(scale(x, m_x, b_x), _mm512_mul_ps(gates[2 * b + 1], scale(y, m_h, b_h)));
  }
}

/* tanh and the new state of `n` blocks. */
TFP_TARGET_AVX512 TFP_INLINE void second_pass(const int n, const __m512 *update, __m512 *candidate,
                                              const tfp_gate_settings *settings, float *h,
                                              int8_t *q) {
  tfp_activation_avx512(settings->activation, n, candidate);
  for (int b = 0; b < n; ++b) {
    const __m512 z = update[b];
    const __m512 kept = _mm512_mul_ps(z, _mm512_loadu_ps(h + b * U));
    const __m512 added = _mm512_mul_ps(_mm512_sub_ps(_mm512_set1_ps(1.0f), z), candidate[b]);
    __m512 state = _mm512_add_ps(kept, added);
    state = tfp_floor_state_avx512(state, state);
    _mm512_storeu_ps(h + b * U, state);
    const __m512 levels = _mm512_mul_ps(state, _mm512_set1_ps(settings->inverse_scale));
    _mm_storeu_si128((__m128i *)(void *)(q + b * U), tfp_round_s8_avx512(levels));
  }
}

TFP_TARGET_AVX512 void tfp_gru_gates_f32_avx512(const int32_t *acc_x, const int32_t *acc_h,
                                                const float *parameters, size_t blocks,
                                                const tfp_gate_settings *settings, float *h,
                                                int8_t *q) {
  __m512 update[kBlocksAtOnce], candidate[kBlocksAtOnce];
  for (; blocks >= kBlocksAtOnce; blocks -= kBlocksAtOnce) {
    first_pass(2, acc_x, acc_h, parameters, settings, update, candidate);
    first_pass(2, acc_x + 6 * U, acc_h + 6 * U, parameters + 2 * TFP_GRU_PARAMETERS, settings,
               update + 2, candidate + 2);
    second_pass(4, update, candidate, settings, h, q);
    acc_x += 12 * U;
    acc_h += 12 * U;
    parameters += 4 * TFP_GRU_PARAMETERS;
    h += 4 * U;
    q += 4 * U;
  }
  for (; blocks > 0; --blocks) {
    first_pass(1, acc_x, acc_h, parameters, settings, update, candidate);
    second_pass(1, update, candidate, settings, h, q);
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
