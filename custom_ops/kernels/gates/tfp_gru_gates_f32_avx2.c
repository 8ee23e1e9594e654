#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx2.h"

/* float(acc) * multiplier + bias, with two roundings. */
TFP_TARGET_AVX2 TFP_INLINE __m256 scale(const int32_t *acc, const float *multiplier,
                                        const float *bias) {
  const __m256 v = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)acc));
  return _mm256_add_ps(_mm256_mul_ps(v, _mm256_loadu_ps(multiplier)), _mm256_loadu_ps(bias));
}

enum { U = TFP_ROW_BLOCK };

/* Both sigmoids of a block, of which every vector holds one half. */
TFP_TARGET_AVX2 TFP_INLINE void first_pass(const int32_t *acc_x, const int32_t *acc_h,
                                           const float *parameters,
                                           const tfp_gate_settings *settings, __m256 *update,
                                           __m256 *candidate) {
  __m256 gates[4];
  for (int i = 0; i < 4; ++i) {
    const int at = i / 2 * U + i % 2 * 8; /* z, z, r, r */
    const float *m_x = parameters + at;
    const float *b_x = m_x + 3 * U, *m_h = b_x + 3 * U, *b_h = m_h + 3 * U;
    gates[i] = _mm256_add_ps(scale(acc_x + at, m_x, b_x), scale(acc_h + at, m_h, b_h));
  }
  tfp_recurrent_activation_avx2(settings->recurrent_activation, 4, gates);
  for (int i = 0; i < 2; ++i) {
    const int at = 2 * U + i * 8;
    const float *m_x = parameters + at;
    const float *b_x = m_x + 3 * U, *m_h = b_x + 3 * U, *b_h = m_h + 3 * U;
    update[i] = gates[i];
    candidate[i] = _mm256_add_ps(scale(acc_x + at, m_x, b_x),
                                 _mm256_mul_ps(gates[2 + i], scale(acc_h + at, m_h, b_h)));
  }
}

/* tanh and the new state of `n` vectors, two a block. */
TFP_TARGET_AVX2 TFP_INLINE void second_pass(const int n, const __m256 *update, __m256 *candidate,
                                            const tfp_gate_settings *settings, float *h,
                                            int8_t *q) {
  tfp_activation_avx2(settings->activation, n, candidate);
  for (int i = 0; i < n; ++i) {
    const __m256 z = update[i];
    const __m256 kept = _mm256_mul_ps(z, _mm256_loadu_ps(h + i * 8));
    const __m256 added = _mm256_mul_ps(_mm256_sub_ps(_mm256_set1_ps(1.0f), z), candidate[i]);
    const __m256 state = _mm256_add_ps(kept, added);
    candidate[i] = tfp_floor_state_avx2(state, state);
    _mm256_storeu_ps(h + i * 8, candidate[i]);
  }
  const __m256 inverse = _mm256_set1_ps(settings->inverse_scale);
  for (int i = 0; i < n; i += 2) {
    const __m128i levels = tfp_round_s8_avx2(_mm256_mul_ps(candidate[i], inverse),
                                             _mm256_mul_ps(candidate[i + 1], inverse));
    _mm_storeu_si128((__m128i *)(void *)(q + i * 8), levels);
  }
}

TFP_TARGET_AVX2 void tfp_gru_gates_f32_avx2(const int32_t *acc_x, const int32_t *acc_h,
                                            const float *parameters, size_t blocks,
                                            const tfp_gate_settings *settings, float *h,
                                            int8_t *q) {
  __m256 update[4], candidate[4];
  for (; blocks >= 2; blocks -= 2) {
    first_pass(acc_x, acc_h, parameters, settings, update, candidate);
    first_pass(acc_x + 3 * U, acc_h + 3 * U, parameters + TFP_GRU_PARAMETERS, settings, update + 2,
               candidate + 2);
    second_pass(4, update, candidate, settings, h, q);
    acc_x += 6 * U;
    acc_h += 6 * U;
    parameters += 2 * TFP_GRU_PARAMETERS;
    h += 2 * U;
    q += 2 * U;
  }
  if (blocks > 0) {
    first_pass(acc_x, acc_h, parameters, settings, update, candidate);
    second_pass(2, update, candidate, settings, h, q);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
