#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_INLINE __mmask16 tail_mask(size_t left) {
  return (__mmask16)((1u << left) - 1u);
}

TFP_TARGET_AVX512 TFP_INLINE __m128i sixteen(__m512 v, tfp_row_levels levels) {
  v = _mm512_mul_ps(v, _mm512_set1_ps(levels.inverse));
  v = _mm512_max_ps(v, _mm512_set1_ps(levels.low));
  v = _mm512_min_ps(v, _mm512_set1_ps(levels.high));
  const __m512i zero_point = _mm512_set1_epi32(levels.affine.zero_point);
  return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(v), zero_point));
}

TFP_TARGET_AVX512 tfp_affine tfp_quantize_f32s8_avx512(const float *x, size_t count, int8_t *q) {
  __m512 lowest = _mm512_setzero_ps(), highest = _mm512_setzero_ps();
  const size_t whole = count / 16 * 16;
  const __mmask16 rest = tail_mask(count - whole);
  for (size_t i = 0; i < whole; i += 16) {
    const __m512 v = _mm512_loadu_ps(x + i);
    /* The second operand is what comes out for NaN. */
    lowest = _mm512_min_ps(v, lowest);
    highest = _mm512_max_ps(v, highest);
  }
  const __m512 last = _mm512_maskz_loadu_ps(rest, x + whole);
  const float low = _mm512_reduce_min_ps(_mm512_min_ps(last, lowest));
  const float high = _mm512_reduce_max_ps(_mm512_max_ps(last, highest));
  const tfp_row_levels levels = tfp_row_levels_c(low, high);
  for (size_t i = 0; i < whole; i += 16) {
    _mm_storeu_si128((__m128i *)(void *)(q + i), sixteen(_mm512_loadu_ps(x + i), levels));
  }
  _mm_mask_storeu_epi8(q + whole, rest, sixteen(last, levels));
  return levels.affine;
}

#else
typedef int tfp_not_on_this_architecture;
#endif
