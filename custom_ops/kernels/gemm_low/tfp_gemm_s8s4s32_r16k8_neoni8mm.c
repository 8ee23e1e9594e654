#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "../common/tfp_tiles.h"

tfp_tile tfp_tile_s8s4s32_r16k8_neoni8mm_16x1, tfp_tile_s8s4s32_r16k8_neoni8mm_16x2,
    tfp_tile_s8s4s32_r16k8_neoni8mm_16x3, tfp_tile_s8s4s32_r16k8_neoni8mm_16x4;

void tfp_gemm_s8s4s32_r16k8_neoni8mm(const void *blocks_packed, size_t blocks, size_t depth,
                                     size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                     int32_t *acc, size_t acc_stride) {
  static const tfp_tiles tiles = {
      {tfp_tile_s8s4s32_r16k8_neoni8mm_16x1, tfp_tile_s8s4s32_r16k8_neoni8mm_16x2,
       tfp_tile_s8s4s32_r16k8_neoni8mm_16x3, tfp_tile_s8s4s32_r16k8_neoni8mm_16x4},
      4,
      8,
      4};
  tfp_run_low_tiles(&tiles, blocks_packed, blocks, depth, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
