#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx2.h"

TFP_TARGET_AVX2 TFP_INLINE __m256 load_state(const float *source) {
  const __m256 value = _mm256_loadu_ps(source);
  __m256 state = _mm256_max_ps(value, _mm256_set1_ps(-TFP_STATE_LIMIT));
  state = _mm256_min_ps(state, _mm256_set1_ps(TFP_STATE_LIMIT));
  return tfp_floor_state_avx2(value, state);
}

TFP_TARGET_AVX2 void tfp_load_state_f32_avx2(const float *source, size_t count, float inverse_scale,
                                             float *h, int8_t *q) {
  const __m256 inverse = _mm256_set1_ps(inverse_scale);
  for (size_t i = 0; i < count; i += 16) {
    float rest[16] = {0};
    const float *values = source + i;
    if (count - i < 16) {
      memcpy(rest, values, (count - i) * sizeof(float));
      values = rest;
    }
    const __m256 low = load_state(values), high = load_state(values + 8);
    _mm256_storeu_ps(h + i, low);
    _mm256_storeu_ps(h + i + 8, high);
    const __m128i levels =
        tfp_round_s8_avx2(_mm256_mul_ps(low, inverse), _mm256_mul_ps(high, inverse));
    _mm_storeu_si128((__m128i *)(void *)(q + i), levels);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
