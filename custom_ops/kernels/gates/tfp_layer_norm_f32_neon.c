#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_simd_neon.h"

TFP_SIMD float square_root(float x) {
  return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
}

#include "tfp_layer_norm.inc"
#else
typedef int tfp_not_on_this_architecture;
#endif
