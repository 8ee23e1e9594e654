#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx512.h"

TFP_TARGET_AVX512 void tfp_requantize_s32s8_avx512(const int32_t *acc, const float *multiplier,
                                                   size_t count, int8_t *out) {
  for (size_t i = 0; i < count; i += 16) {
    const __m512 v = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc + i));
    const __m512 levels = _mm512_mul_ps(v, _mm512_loadu_ps(multiplier + i));
    _mm_storeu_si128((__m128i *)(void *)(out + i), tfp_round_s8_avx512(levels));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
