#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx512.h"

enum { U = TFP_ROW_BLOCK, kParameters = TFP_LSTM_PARAMETERS, kBlocksAtOnce = 4 };

TFP_TARGET_AVX512 TFP_INLINE __m512 product(const int32_t *acc, const float *multiplier) {
  const __m512 v = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc));
  return _mm512_mul_ps(v, _mm512_loadu_ps(multiplier));
}

/* The pre-activations of gate `j` of `n` blocks. */
TFP_TARGET_AVX512 TFP_INLINE void gate(const int n, const int j, const int32_t *acc_x,
                                       const int32_t *acc_h, const float *parameters, __m512 *p) {
  for (int b = 0; b < n; ++b) {
    const int at = (b * 4 + j) * U;
    const float *m_x = parameters + b * kParameters + j * U;
    const __m512 p_x = _mm512_add_ps(product(acc_x + at, m_x), _mm512_loadu_ps(m_x + 4 * U));
    p[b] = _mm512_add_ps(p_x, product(acc_h + at, m_x + 8 * U));
  }
}

TFP_TARGET_AVX512 TFP_INLINE void run(const int n, const int32_t *acc_x, const int32_t *acc_h,
                                      const float *parameters, const tfp_gate_settings *settings,
                                      float *h, float *c, int8_t *q) {
  __m512 kept[4], added[4], v[4];
  gate(n, 1, acc_x, acc_h, parameters, kept);
  tfp_recurrent_activation_avx512(settings->recurrent_activation, n, kept);
  for (int b = 0; b < n; ++b) kept[b] = _mm512_mul_ps(kept[b], _mm512_loadu_ps(c + b * U));
  gate(n, 0, acc_x, acc_h, parameters, added);
  tfp_recurrent_activation_avx512(settings->recurrent_activation, n, added);
  gate(n, 2, acc_x, acc_h, parameters, v);
  tfp_activation_avx512(settings->activation, n, v);
  for (int b = 0; b < n; ++b) {
    const __m512 sum = _mm512_add_ps(kept[b], _mm512_mul_ps(added[b], v[b]));
    v[b] = tfp_limit_state_avx512(sum);
    _mm512_storeu_ps(c + b * U, v[b]);
  }
  tfp_activation_avx512(settings->activation, n, v);
  gate(n, 3, acc_x, acc_h, parameters, added);
  tfp_recurrent_activation_avx512(settings->recurrent_activation, n, added);
  for (int b = 0; b < n; ++b) {
    v[b] = _mm512_mul_ps(added[b], v[b]);
    v[b] = tfp_floor_state_avx512(v[b], v[b]);
    _mm512_storeu_ps(h + b * U, v[b]);
    const __m512 levels = _mm512_mul_ps(v[b], _mm512_set1_ps(settings->inverse_scale));
    _mm_storeu_si128((__m128i *)(void *)(q + b * U), tfp_round_s8_avx512(levels));
  }
}

TFP_TARGET_AVX512 void tfp_lstm_gates_f32_avx512(const int32_t *acc_x, const int32_t *acc_h,
                                                 const float *parameters, size_t blocks,
                                                 const tfp_gate_settings *settings, float *h,
                                                 float *c, int8_t *q) {
  for (; blocks >= kBlocksAtOnce; blocks -= kBlocksAtOnce) {
    run(kBlocksAtOnce, acc_x, acc_h, parameters, settings, h, c, q);
    acc_x += kBlocksAtOnce * 4 * U;
    acc_h += kBlocksAtOnce * 4 * U;
    parameters += kBlocksAtOnce * kParameters;
    h += kBlocksAtOnce * U;
    c += kBlocksAtOnce * U;
    q += kBlocksAtOnce * U;
  }
  for (; blocks > 0; --blocks) {
    run(1, acc_x, acc_h, parameters, settings, h, c, q);
    acc_x += 4 * U;
    acc_h += 4 * U;
    parameters += kParameters;
    h += U;
    c += U;
    q += U;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
