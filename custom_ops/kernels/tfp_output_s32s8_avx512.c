#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX512 void tfp_output_s32s8_avx512(const int32_t *acc, const float *multiplier,
                                               size_t count, tfp_output_s8 to, int8_t *y) {
  const __m512 low = _mm512_set1_ps((float)(to.low - to.zero_point));
  const __m512 high = _mm512_set1_ps((float)(to.high - to.zero_point));
  const __m512i zero_point = _mm512_set1_epi32(to.zero_point);
  for (size_t i = 0; i < count; i += 16) {
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc + i));
    __m512 v = _mm512_mul_ps(sum, _mm512_loadu_ps(multiplier + i));
    v = _mm512_min_ps(_mm512_max_ps(v, low), high);
    const __m512i level = _mm512_add_epi32(_mm512_cvtps_epi32(v), zero_point);
    _mm_storeu_si128((__m128i *)(void *)(y + i), _mm512_cvtepi32_epi8(level));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
