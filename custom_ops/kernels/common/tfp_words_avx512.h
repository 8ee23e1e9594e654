/* Vectors of 16 int16 numbers with AVX-512, whose products fill a register: tfp_words_c.h explains
 * the names. Processors have three units for vectors of this width, and fewer for wider ones. */
#ifndef TFP_WORDS_AVX512_H_
#define TFP_WORDS_AVX512_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_target.h"

#define TFP_WORDS_KERNEL TFP_TARGET_AVX512
#define TFP_WORDS TFP_TARGET_AVX512 TFP_INLINE
#define TFP_WORDS_NAME(name) name##_avx512

enum { kParts = 1 };
typedef __m512i tfp_longs;
#include "tfp_words_256.inc"

TFP_WORDS tfp_words w_if_bit(tfp_words v, tfp_words bit, tfp_words then, tfp_words otherwise) {
  return _mm256_mask_blend_epi16(_mm256_test_epi16_mask(v, bit), otherwise, then);
}

TFP_WORDS tfp_words w_if_less(tfp_words a, tfp_words b, tfp_words then, tfp_words otherwise) {
  return _mm256_mask_blend_epi16(_mm256_cmplt_epi16_mask(a, b), otherwise, then);
}

TFP_WORDS tfp_words w_if_zero(tfp_words v, tfp_words then, tfp_words otherwise) {
  return _mm256_mask_blend_epi16(_mm256_testn_epi16_mask(v, v), otherwise, then);
}

TFP_WORDS void l_load(const int32_t *from, tfp_longs *to) {
  to[0] = _mm512_loadu_si512(from);
}

TFP_WORDS void l_widen(tfp_words v, tfp_longs *to) {
  to[0] = _mm512_cvtepi16_epi32(v);
}

/* The upper halves are zeros in `a`, so that the sum of two products is that of the lower ones. */
TFP_WORDS void l_product(tfp_words a, tfp_words b, tfp_longs *to) {
  to[0] = _mm512_madd_epi16(_mm512_cvtepu16_epi32(a), _mm512_cvtepi16_epi32(b));
}

TFP_WORDS tfp_words l_narrow(const tfp_longs *from) {
  return _mm512_cvtsepi32_epi16(from[0]);
}

TFP_WORDS tfp_longs l_set(int32_t value) {
  return _mm512_set1_epi32(value);
}

TFP_WORDS tfp_longs l_add(tfp_longs a, tfp_longs b) {
  return _mm512_add_epi32(a, b);
}

TFP_WORDS tfp_longs l_multiply(tfp_longs a, tfp_longs b) {
  return _mm512_mullo_epi32(a, b);
}

TFP_WORDS tfp_longs l_low(tfp_longs v) {
  return _mm512_and_si512(v, _mm512_set1_epi32(0xffff));
}

TFP_WORDS tfp_longs l_high(tfp_longs v) {
  return _mm512_srli_epi32(v, 16);
}

TFP_WORDS int64_t l_total(tfp_longs v) {
  return _mm512_reduce_add_epi64(
      _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(v)),
                       _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(v, 1))));
}

/* The sign is -1. */
TFP_WORDS tfp_longs l_divide(tfp_longs v, int count) {
  const __m512i mask = _mm512_set1_epi32((int32_t)((1u << count) - 1u));
  const __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(v, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(v, mask), threshold);
  const __m512i low = _mm512_sra_epi32(v, _mm_cvtsi32_si128(count));
  return _mm512_mask_add_epi32(low, up, low, _mm512_set1_epi32(1));
}

/* Even and odd lanes have products of their own. The multiplier is positive: nothing saturates. */
TFP_WORDS tfp_longs l_scale(tfp_longs v, tfp_fixed_scale by) {
  const __m512i nudge = _mm512_set1_epi64(1 << 30), factor = _mm512_set1_epi32(by.multiplier);
  const __m512i shifted = _mm512_sll_epi32(v, _mm_cvtsi32_si128(by.left));
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(shifted, factor), nudge);
  const __m512i odds = _mm512_mul_epi32(_mm512_srli_epi64(shifted, 32), factor);
  const __m512i odd = _mm512_slli_epi64(_mm512_add_epi64(odds, nudge), 1);
  return l_divide(_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), odd), by.right);
}

#endif
