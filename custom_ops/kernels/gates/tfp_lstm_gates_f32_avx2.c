#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx2.h"

enum { U = TFP_ROW_BLOCK, kParameters = TFP_LSTM_PARAMETERS };

TFP_TARGET_AVX2 TFP_INLINE __m256 product(const int32_t *acc, const float *multiplier) {
  const __m256 v = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)acc));
  return _mm256_mul_ps(v, _mm256_loadu_ps(multiplier));
}

/* The pre-activations of gate `j`, `n` vectors, two a block. */
TFP_TARGET_AVX2 TFP_INLINE void gate(const int n, const int j, const int32_t *acc_x,
                                     const int32_t *acc_h, const float *parameters, __m256 *p) {
  for (int i = 0; i < n; ++i) {
    const int at = i / 2 * 4 * U + j * U + i % 2 * 8;
    const float *m_x = parameters + i / 2 * kParameters + j * U + i % 2 * 8;
    const __m256 p_x = _mm256_add_ps(product(acc_x + at, m_x), _mm256_loadu_ps(m_x + 4 * U));
    p[i] = _mm256_add_ps(p_x, product(acc_h + at, m_x + 8 * U));
  }
}

TFP_TARGET_AVX2 TFP_INLINE void run(const int n, const int32_t *acc_x, const int32_t *acc_h,
                                    const float *parameters, const tfp_gate_settings *settings,
                                    float *h, float *c, int8_t *q) {
  __m256 kept[4], added[4], v[4];
  gate(n, 1, acc_x, acc_h, parameters, kept);
  tfp_recurrent_activation_avx2(settings->recurrent_activation, n, kept);
  for (int i = 0; i < n; ++i) kept[i] = _mm256_mul_ps(kept[i], _mm256_loadu_ps(c + i * 8));
  gate(n, 0, acc_x, acc_h, parameters, added);
  tfp_recurrent_activation_avx2(settings->recurrent_activation, n, added);
  gate(n, 2, acc_x, acc_h, parameters, v);
  tfp_activation_avx2(settings->activation, n, v);
  for (int i = 0; i < n; ++i) {
    const __m256 sum = _mm256_add_ps(kept[i], _mm256_mul_ps(added[i], v[i]));
    v[i] = tfp_limit_state_avx2(sum);
    _mm256_storeu_ps(c + i * 8, v[i]);
  }
  tfp_activation_avx2(settings->activation, n, v);
  gate(n, 3, acc_x, acc_h, parameters, added);
  tfp_recurrent_activation_avx2(settings->recurrent_activation, n, added);
  for (int i = 0; i < n; ++i) {
    v[i] = _mm256_mul_ps(added[i], v[i]);
    v[i] = tfp_floor_state_avx2(v[i], v[i]);
    _mm256_storeu_ps(h + i * 8, v[i]);
  }
  const __m256 inverse = _mm256_set1_ps(settings->inverse_scale);
  for (int i = 0; i < n; i += 2) {
    const __m128i levels =
        tfp_round_s8_avx2(_mm256_mul_ps(v[i], inverse), _mm256_mul_ps(v[i + 1], inverse));
    _mm_storeu_si128((__m128i *)(void *)(q + i * 8), levels);
  }
}

TFP_TARGET_AVX2 void tfp_lstm_gates_f32_avx2(const int32_t *acc_x, const int32_t *acc_h,
                                             const float *parameters, size_t blocks,
                                             const tfp_gate_settings *settings, float *h, float *c,
                                             int8_t *q) {
  for (; blocks >= 2; blocks -= 2) {
    run(4, acc_x, acc_h, parameters, settings, h, c, q);
    acc_x += 8 * U;
    acc_h += 8 * U;
    parameters += 2 * kParameters;
    h += 2 * U;
    c += 2 * U;
    q += 2 * U;
  }
  if (blocks > 0) run(2, acc_x, acc_h, parameters, settings, h, c, q);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
