#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_gates_avx512.h"

TFP_TARGET_AVX512 void tfp_sigmoid_f32_avx512(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16) {
    __m512 v = _mm512_loadu_ps(x + i);
    tfp_sigmoid_avx512(1, &v);
    _mm512_storeu_ps(y + i, v);
  }
}

TFP_TARGET_AVX512 void tfp_tanh_f32_avx512(const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16) {
    __m512 v = _mm512_loadu_ps(x + i);
    tfp_tanh_avx512(1, &v);
    _mm512_storeu_ps(y + i, v);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
