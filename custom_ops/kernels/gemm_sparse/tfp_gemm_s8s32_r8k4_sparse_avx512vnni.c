/* gemm of sparse weights with vpdpbusd and 32 registers. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

#define SPARSE_TARGET TFP_TARGET_AVX512VNNI
#define SPARSE_VECTORS 8
#define SPARSE_DOT _mm256_dpbusd_epi32
#define SPARSE_XOR _mm256_xor_epi32 /* takes the 4 bytes from memory */

#include "tfp_sparse_vnni.h"
/* Its functions come first. */
#include "../common/tfp_gemm_sparse.inc"

SPARSE_TARGET void tfp_gemm_s8s32_r8k4_sparse_avx512vnni(const void *blocks_packed, size_t blocks,
                                                         size_t depth, size_t batch,
                                                         const int8_t *x, ptrdiff_t x_stride,
                                                         int32_t *acc, size_t acc_stride) {
  (void)depth;
  tfp_sparse_gemm(blocks_packed, blocks, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
