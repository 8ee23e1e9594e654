#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AVXVNNI
#include "tfp_gemm_low_avxvnni.h"

TFP_TARGET_AVXVNNI void tfp_gemm_s8s4s32_r32k4_avxvnni(const void *blocks_packed, size_t blocks,
                                                       size_t depth, size_t batch, const int8_t *x,
                                                       ptrdiff_t x_stride, int32_t *acc,
                                                       size_t acc_stride) {
  tfp_gemm_low_avxvnni(4, blocks_packed, blocks, depth, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
