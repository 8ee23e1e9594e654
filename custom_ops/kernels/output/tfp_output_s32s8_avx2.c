#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX2 void tfp_output_s32s8_avx2(const int32_t *acc, const float *multiplier,
                                           size_t count, tfp_output_s8 to, int8_t *y) {
  const __m256 low = _mm256_set1_ps((float)(to.low - to.zero_point));
  const __m256 high = _mm256_set1_ps((float)(to.high - to.zero_point));
  const __m256i zero_point = _mm256_set1_epi32(to.zero_point);
  for (size_t i = 0; i < count; i += 16) {
    __m256i level[2];
    for (size_t half = 0; half < 2; ++half) {
      const __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)(acc + i + 8 * half));
      const __m256 factor = _mm256_loadu_ps(multiplier + i + 8 * half);
      __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor);
      v = _mm256_min_ps(_mm256_max_ps(v, low), high);
      level[half] = _mm256_add_epi32(_mm256_cvtps_epi32(v), zero_point);
    }
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(level[0], level[1]), 0xd8);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(void *)(y + i), bytes);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
