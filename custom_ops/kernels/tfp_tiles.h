/* Tiles of gemm in assembly for AArch64, and how a gemm of any batch is made of them. */
#ifndef TFP_TILES_H_
#define TFP_TILES_H_

#include "tfp_kernels.h"
#include "tfp_target.h"

/* Columns of one tile at most. */
#define TFP_TILE_BATCH 4

/* acc[n][16 b + i] for `blocks` >= 1 packed blocks, of which each has `steps` >= 1 tiles of depth.
 * The number of columns is in the name. `acc_stride` counts int32. */
typedef void tfp_tile(const void *blocks_packed, size_t blocks, size_t steps, const int8_t *x,
                      ptrdiff_t x_stride, int32_t *acc, size_t acc_stride);

/* More columns than a tile has take turns over one block, which stays in the first-level cache:
 * the weights come from memory once whatever the batch. */
TFP_INLINE void tfp_run_tiles(tfp_tile *const tiles[TFP_TILE_BATCH], size_t step_bytes,
                              const void *blocks_packed, size_t blocks, size_t steps, size_t batch,
                              const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                              size_t acc_stride) {
  if (batch <= TFP_TILE_BATCH) {
    tiles[batch - 1](blocks_packed, blocks, steps, x, x_stride, acc, acc_stride);
    return;
  }
  const size_t block_bytes = TFP_ROW_BLOCK * sizeof(int32_t) + steps * step_bytes;
  const unsigned char *block = blocks_packed;
  for (size_t b = 0; b < blocks; ++b, block += block_bytes, acc += TFP_ROW_BLOCK) {
    for (size_t n = 0; n < batch; n += TFP_TILE_BATCH) {
      const size_t columns = batch - n < TFP_TILE_BATCH ? batch - n : TFP_TILE_BATCH;
      tiles[columns - 1](block, 1, steps, x + (ptrdiff_t)n * x_stride, x_stride,
                         acc + n * acc_stride, acc_stride);
    }
  }
}

#endif
