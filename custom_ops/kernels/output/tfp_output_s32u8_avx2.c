#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

/* The upper half of 2 * sum * multiplier, rounded up; even and odd lanes have products of their
 * own. The multiplier is positive, so nothing saturates. */
TFP_TARGET_AVX2 TFP_INLINE __m256i high_product(__m256i sum, __m256i multiplier) {
  const __m256i nudge = _mm256_set1_epi64x(1 << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, multiplier), nudge);
  const __m256i odds = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), multiplier);
  const __m256i odd = _mm256_slli_epi64(_mm256_add_epi64(odds, nudge), 1);
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), odd, 0xaa);
}

TFP_TARGET_AVX2 TFP_INLINE __m256i levels(const int32_t *acc, tfp_output_u8 to) {
  const __m256i mask = _mm256_set1_epi32((int32_t)((1u << to.right) - 1u));
  __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)acc);
  sum = _mm256_add_epi32(sum, _mm256_set1_epi32(to.offset));
  sum = _mm256_sll_epi32(sum, _mm_cvtsi32_si128(to.left));
  const __m256i scaled = high_product(sum, _mm256_set1_epi32(to.multiplier));
  /* A comparison gives -1, and so does the sign. */
  const __m256i threshold =
      _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(scaled, 31));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(scaled, mask), threshold);
  __m256i level = _mm256_sra_epi32(scaled, _mm_cvtsi32_si128(to.right));
  level = _mm256_sub_epi32(level, up);
  level = _mm256_max_epi32(level, _mm256_set1_epi32(to.low - to.zero_point));
  level = _mm256_min_epi32(level, _mm256_set1_epi32(to.high - to.zero_point));
  return _mm256_add_epi32(level, _mm256_set1_epi32(to.zero_point));
}

TFP_TARGET_AVX2 void tfp_output_s32u8_avx2(const int32_t *acc, size_t count, tfp_output_u8 to,
                                           uint8_t *y) {
  for (size_t i = 0; i < count; i += 16) {
    const __m256i words = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(levels(acc + i, to), levels(acc + i + 8, to)), 0xd8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(void *)(y + i), bytes);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
