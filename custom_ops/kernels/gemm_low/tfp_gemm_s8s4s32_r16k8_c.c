#include "../tfp_kernels.h"
#include "tfp_gemm_low_c.h"

void tfp_gemm_s8s4s32_r16k8_c(const void *blocks_packed, size_t blocks, size_t depth, size_t batch,
                              const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                              size_t acc_stride) {
  tfp_gemm_low_c(4, blocks_packed, blocks, depth, batch, x, x_stride, acc, acc_stride);
}
