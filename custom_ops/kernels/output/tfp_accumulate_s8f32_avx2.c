#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX2 void tfp_accumulate_s8f32_avx2(const int8_t *row, float factor, size_t count,
                                               float *sums) {
  const __m256 factors = _mm256_set1_ps(factor);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i bytes = _mm_loadl_epi64((const void *)(row + i));
    const __m256 numbers = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    const __m256 products = _mm256_mul_ps(numbers, factors);
    _mm256_storeu_ps(sums + i, _mm256_add_ps(_mm256_loadu_ps(sums + i), products));
  }
  for (; i < count; ++i) sums[i] += (float)row[i] * factor;
}

#endif
