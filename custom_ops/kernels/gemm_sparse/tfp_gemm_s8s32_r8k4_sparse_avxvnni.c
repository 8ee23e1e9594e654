/* gemm of sparse weights with the vpdpbusd of AVX, and 16 registers. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AVXVNNI
#include "../common/tfp_dot_avxvnni.h"

#define SPARSE_TARGET TFP_TARGET_AVXVNNI
#define SPARSE_VECTORS 4
#define SPARSE_DOT TFP_DOT_AVXVNNI

#include "tfp_sparse_vnni.h"
/* Its functions come first. */
#include "../common/tfp_gemm_sparse.inc"

SPARSE_TARGET void tfp_gemm_s8s32_r8k4_sparse_avxvnni(const void *blocks_packed, size_t blocks,
                                                      size_t depth, size_t batch, const int8_t *x,
                                                      ptrdiff_t x_stride, int32_t *acc,
                                                      size_t acc_stride) {
  (void)depth;
  tfp_sparse_gemm(blocks_packed, blocks, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
