#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

/* The upper half of 2 * sum * multiplier, rounded up; even and odd lanes have products of their
 * own. The multiplier is positive, so nothing saturates. */
TFP_TARGET_AVX512 TFP_INLINE __m512i high_product(__m512i sum, __m512i multiplier) {
  const __m512i nudge = _mm512_set1_epi64(1 << 30);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, multiplier), nudge);
  const __m512i odds = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), multiplier);
  const __m512i odd = _mm512_slli_epi64(_mm512_add_epi64(odds, nudge), 1);
  return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), odd);
}

TFP_TARGET_AVX512 void tfp_output_s32u8_avx512(const int32_t *acc, size_t count, tfp_output_u8 to,
                                               uint8_t *y) {
  const __m512i mask = _mm512_set1_epi32((int32_t)((1u << to.right) - 1u));
  const __m512i half = _mm512_srli_epi32(mask, 1), offset = _mm512_set1_epi32(to.offset);
  const __m512i multiplier = _mm512_set1_epi32(to.multiplier);
  const __m512i low = _mm512_set1_epi32(to.low - to.zero_point);
  const __m512i high = _mm512_set1_epi32(to.high - to.zero_point);
  const __m512i zero_point = _mm512_set1_epi32(to.zero_point), one = _mm512_set1_epi32(1);
  const __m128i left = _mm_cvtsi32_si128(to.left), right = _mm_cvtsi32_si128(to.right);
  for (size_t i = 0; i < count; i += 16) {
    const __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(acc + i), offset);
    const __m512i scaled = high_product(_mm512_sll_epi32(sum, left), multiplier);
    const __m512i threshold = _mm512_sub_epi32(half, _mm512_srai_epi32(scaled, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(scaled, mask), threshold);
    __m512i level = _mm512_sra_epi32(scaled, right);
    level = _mm512_mask_add_epi32(level, up, level, one);
    level = _mm512_min_epi32(_mm512_max_epi32(level, low), high);
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(level, zero_point));
    _mm_storeu_si128((__m128i *)(void *)(y + i), bytes);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
