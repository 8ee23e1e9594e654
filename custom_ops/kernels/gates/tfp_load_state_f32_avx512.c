#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx512.h"

TFP_TARGET_AVX512 void tfp_load_state_f32_avx512(const float *source, size_t count,
                                                 float inverse_scale, float *h, int8_t *q) {
  const __m512 inverse = _mm512_set1_ps(inverse_scale);
  for (size_t i = 0; i < count; i += 16) {
    const size_t left = count - i;
    const __mmask16 inside = (__mmask16)(left < 16 ? (1u << left) - 1u : 0xffffu);
    const __m512 value = _mm512_maskz_loadu_ps(inside, source + i);
    __m512 state = _mm512_max_ps(value, _mm512_set1_ps(-TFP_STATE_LIMIT));
    state = _mm512_min_ps(state, _mm512_set1_ps(TFP_STATE_LIMIT));
    state = tfp_floor_state_avx512(value, state);
    _mm512_storeu_ps(h + i, state);
    const __m128i levels = tfp_round_s8_avx512(_mm512_mul_ps(state, inverse));
    _mm_storeu_si128((__m128i *)(void *)(q + i), levels);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
