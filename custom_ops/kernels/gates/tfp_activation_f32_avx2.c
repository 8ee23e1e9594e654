#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx2.h"

TFP_TARGET_AVX2 void tfp_sigmoid_f32_avx2(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 8) {
    __m256 v = _mm256_loadu_ps(x + i);
    tfp_sigmoid_avx2(1, &v);
    _mm256_storeu_ps(y + i, v);
  }
}

TFP_TARGET_AVX2 void tfp_tanh_f32_avx2(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 8) {
    __m256 v = _mm256_loadu_ps(x + i);
    tfp_tanh_avx2(1, &v);
    _mm256_storeu_ps(y + i, v);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
