#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX512 TFP_INLINE __m512i levels(const int32_t *acc, const float *multiplier, __m512 low,
                                            __m512 high) {
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc));
  const __m512 v = _mm512_mul_ps(sum, _mm512_loadu_ps(multiplier));
  return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(v, low), high));
}

TFP_TARGET_AVX512 void tfp_output_s32s8_avx512(const int32_t *acc, const float *multiplier,
                                               size_t count, tfp_output_s8 to, int8_t *y) {
  const __m512 low = _mm512_set1_ps((float)(to.low - to.zero_point));
  const __m512 high = _mm512_set1_ps((float)(to.high - to.zero_point));
  size_t i = 0;
  /* Packing works within quarters of a register; the permutation puts them in order. */
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const __m512i words_zero = _mm512_set1_epi16((short)to.zero_point);
  for (; i + 64 <= count; i += 64) {
    const __m512i a = levels(acc + i, multiplier + i, low, high);
    const __m512i b = levels(acc + i + 16, multiplier + i + 16, low, high);
    const __m512i c = levels(acc + i + 32, multiplier + i + 32, low, high);
    const __m512i d = levels(acc + i + 48, multiplier + i + 48, low, high);
    const __m512i ab = _mm512_add_epi16(_mm512_packs_epi32(a, b), words_zero);
    const __m512i cd = _mm512_add_epi16(_mm512_packs_epi32(c, d), words_zero);
    const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
    _mm512_storeu_si512(y + i, bytes);
  }
  const __m512i zero_point = _mm512_set1_epi32(to.zero_point);
  for (; i < count; i += 16) {
    const __m512i level = levels(acc + i, multiplier + i, low, high);
    const __m512i shifted = _mm512_add_epi32(level, zero_point);
    _mm_storeu_si128((__m128i *)(void *)(y + i), _mm512_cvtepi32_epi8(shifted));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
