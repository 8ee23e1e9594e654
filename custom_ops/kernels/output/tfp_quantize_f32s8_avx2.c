#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX2 TFP_INLINE float reduce(__m256 v, const bool largest) {
  float lanes[8], best = 0.0f;
  _mm256_storeu_ps(lanes, v);
  for (int i = 0; i < 8; ++i) {
    if (largest ? lanes[i] > best : lanes[i] < best) best = lanes[i];
  }
  return best;
}

TFP_TARGET_AVX2 TFP_INLINE __m256i eight(const float *x, tfp_row_levels levels) {
  __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x), _mm256_set1_ps(levels.inverse));
  v = _mm256_max_ps(v, _mm256_set1_ps(levels.low));
  v = _mm256_min_ps(v, _mm256_set1_ps(levels.high));
  return _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(levels.affine.zero_point));
}

TFP_TARGET_AVX2 tfp_affine tfp_quantize_f32s8_avx2(const float *x, size_t count, int8_t *q) {
  __m256 lowest = _mm256_setzero_ps(), highest = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 v = _mm256_loadu_ps(x + i);
    /* The second operand is what comes out for NaN. */
    lowest = _mm256_min_ps(v, lowest);
    highest = _mm256_max_ps(v, highest);
  }
  float low = reduce(lowest, false), high = reduce(highest, true);
  for (; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const tfp_row_levels levels = tfp_row_levels_c(low, high);
  for (i = 0; i + 8 <= count; i += 8) {
    const __m256i v = eight(x + i, levels);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)(void *)(q + i), _mm_packs_epi16(words, words));
  }
  for (; i < count; ++i) q[i] = tfp_level_c(x[i], levels);
  return levels.affine;
}

#else
typedef int tfp_not_on_this_architecture;
#endif
