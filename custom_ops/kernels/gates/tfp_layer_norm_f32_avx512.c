#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_simd_avx512.h"

TFP_SIMD float square_root(float x) {
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

#include "tfp_layer_norm.inc"
#else
typedef int tfp_not_on_this_architecture;
#endif
