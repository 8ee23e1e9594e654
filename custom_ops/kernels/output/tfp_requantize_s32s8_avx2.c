#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx2.h"

TFP_TARGET_AVX2 TFP_INLINE __m256 scale(const int32_t *acc, const float *multiplier) {
  const __m256 v = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)acc));
  return _mm256_mul_ps(v, _mm256_loadu_ps(multiplier));
}

TFP_TARGET_AVX2 void tfp_requantize_s32s8_avx2(const int32_t *acc, const float *multiplier,
                                               size_t count, int8_t *out) {
  for (size_t i = 0; i < count; i += 16) {
    const __m128i levels =
        tfp_round_s8_avx2(scale(acc + i, multiplier + i), scale(acc + i + 8, multiplier + i + 8));
    _mm_storeu_si128((__m128i *)(void *)(out + i), levels);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
