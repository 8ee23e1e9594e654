/* Vectors of 16 int16 numbers with AVX2: tfp_words_c.h explains the names. */
#ifndef TFP_WORDS_AVX2_H_
#define TFP_WORDS_AVX2_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_target.h"

#define TFP_WORDS_KERNEL TFP_TARGET_AVX2
#define TFP_WORDS TFP_TARGET_AVX2 TFP_INLINE
#define TFP_WORDS_NAME(name) name##_avx2

enum { kParts = 2 };
typedef __m256i tfp_longs;
#include "tfp_words_256.inc"

TFP_WORDS tfp_words w_if_bit(tfp_words v, tfp_words bit, tfp_words then, tfp_words otherwise) {
  const __m256i lacks = _mm256_cmpeq_epi16(_mm256_and_si256(v, bit), _mm256_setzero_si256());
  return _mm256_blendv_epi8(then, otherwise, lacks);
}

TFP_WORDS tfp_words w_if_less(tfp_words a, tfp_words b, tfp_words then, tfp_words otherwise) {
  return _mm256_blendv_epi8(otherwise, then, _mm256_cmpgt_epi16(b, a));
}

TFP_WORDS tfp_words w_if_zero(tfp_words v, tfp_words then, tfp_words otherwise) {
  return _mm256_blendv_epi8(otherwise, then, _mm256_cmpeq_epi16(v, _mm256_setzero_si256()));
}

TFP_WORDS void l_load(const int32_t *from, tfp_longs *to) {
  to[0] = _mm256_loadu_si256((const __m256i *)(const void *)from);
  to[1] = _mm256_loadu_si256((const __m256i *)(const void *)(from + 8));
}

TFP_WORDS void l_widen(tfp_words v, tfp_longs *to) {
  to[0] = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(v));
  to[1] = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1));
}

/* The upper halves are zeros in `a`, so that the sum of two products is that of the lower ones. */
TFP_WORDS void l_product(tfp_words a, tfp_words b, tfp_longs *to) {
  tfp_longs right[kParts];
  l_widen(b, right);
  to[0] = _mm256_madd_epi16(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(a)), right[0]);
  to[1] = _mm256_madd_epi16(_mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1)), right[1]);
}

TFP_WORDS tfp_words l_narrow(const tfp_longs *from) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(from[0], from[1]), 0xd8);
}

TFP_WORDS tfp_longs l_set(int32_t value) {
  return _mm256_set1_epi32(value);
}

TFP_WORDS tfp_longs l_add(tfp_longs a, tfp_longs b) {
  return _mm256_add_epi32(a, b);
}

TFP_WORDS tfp_longs l_multiply(tfp_longs a, tfp_longs b) {
  return _mm256_mullo_epi32(a, b);
}

TFP_WORDS tfp_longs l_low(tfp_longs v) {
  return _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
}

TFP_WORDS tfp_longs l_high(tfp_longs v) {
  return _mm256_srli_epi32(v, 16);
}

TFP_WORDS int64_t l_total(tfp_longs v) {
  int32_t numbers[8];
  int64_t sum = 0;
  _mm256_storeu_si256((__m256i *)(void *)numbers, v);
  for (int i = 0; i < 8; ++i) sum += numbers[i];
  return sum;
}

/* A comparison gives -1, and so does the sign. */
TFP_WORDS tfp_longs l_divide(tfp_longs v, int count) {
  const __m256i mask = _mm256_set1_epi32((int32_t)((1u << count) - 1u));
  const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(v, 31));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(v, mask), threshold);
  return _mm256_sub_epi32(_mm256_sra_epi32(v, _mm_cvtsi32_si128(count)), up);
}

/* Even and odd lanes have products of their own. The multiplier is positive: nothing saturates. */
TFP_WORDS tfp_longs l_scale(tfp_longs v, tfp_fixed_scale by) {
  const __m256i nudge = _mm256_set1_epi64x(1 << 30), factor = _mm256_set1_epi32(by.multiplier);
  const __m256i shifted = _mm256_sll_epi32(v, _mm_cvtsi32_si128(by.left));
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(shifted, factor), nudge);
  const __m256i odds = _mm256_mul_epi32(_mm256_srli_epi64(shifted, 32), factor);
  const __m256i odd = _mm256_slli_epi64(_mm256_add_epi64(odds, nudge), 1);
  return l_divide(_mm256_blend_epi32(_mm256_srli_epi64(even, 31), odd, 0xaa), by.right);
}

#endif
