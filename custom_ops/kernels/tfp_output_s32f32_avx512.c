#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_X86_64
#include <immintrin.h>

TFP_TARGET_AVX512 void tfp_output_s32f32_avx512(const int32_t *acc, const tfp_row_parameters *rows,
                                                size_t count, tfp_output_f32 to, float *y) {
  const __m512i zero_point = _mm512_set1_epi32(to.x.zero_point);
  const __m512 scale = _mm512_set1_ps(to.x.scale);
  const __m512 low = _mm512_set1_ps(to.low), high = _mm512_set1_ps(to.high);
  for (size_t i = 0; i < count; i += 16) {
    const __m512i sums = _mm512_loadu_si512(rows->weight_sums + i);
    const __m512i shift = _mm512_mullo_epi32(sums, zero_point);
    __m512 v = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(acc + i), shift));
    v = _mm512_mul_ps(_mm512_mul_ps(v, scale), _mm512_loadu_ps(rows->scales + i));
    v = _mm512_add_ps(v, _mm512_loadu_ps(rows->bias + i));
    _mm512_storeu_ps(y + i, _mm512_min_ps(_mm512_max_ps(v, low), high));
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
