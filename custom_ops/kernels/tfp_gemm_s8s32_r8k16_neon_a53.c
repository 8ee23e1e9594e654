#include "tfp_kernels.h"
#include "tfp_target.h"
#if TFP_AARCH64
#include "tfp_tiles.h"

tfp_tile tfp_tile_s8s32_r8k16_neon_a53_8x1, tfp_tile_s8s32_r8k16_neon_a53_8x2,
    tfp_tile_s8s32_r8k16_neon_a53_4x3, tfp_tile_s8s32_r8k16_neon_a53_4x4;

void tfp_gemm_s8s32_r8k16_neon_a53(const void *blocks_packed, size_t blocks, size_t depth,
                                   size_t batch, const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                                   size_t acc_stride) {
  static tfp_tile *const tiles[TFP_TILE_BATCH] = {
      tfp_tile_s8s32_r8k16_neon_a53_8x1, tfp_tile_s8s32_r8k16_neon_a53_8x2,
      tfp_tile_s8s32_r8k16_neon_a53_4x3, tfp_tile_s8s32_r8k16_neon_a53_4x4};
  tfp_run_tiles(tiles, TFP_ROW_BLOCK * 16, blocks_packed, blocks, (depth + 15) / 16, batch, x,
                x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
