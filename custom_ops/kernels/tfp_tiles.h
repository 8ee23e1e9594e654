/* Tiles of gemm in assembly for AArch64, and how a gemm of any batch is made of them. */
#ifndef TFP_TILES_H_
#define TFP_TILES_H_

#include "tfp_kernels.h"
#include "tfp_target.h"

/* Columns of one tile at most. */
#define TFP_TILE_BATCH 4

/* acc[n][16 b + i] for `blocks` >= 1 packed blocks, of which each has `steps` >= 1 tiles of depth.
 * The number of columns is in the name. `acc_stride` counts int32. Tiles of low bits add offsets[n]
 * to the sums of column n; the others are given NULL. */
typedef void tfp_tile(const void *blocks_packed, size_t blocks, size_t steps, const int8_t *x,
                      ptrdiff_t x_stride, int32_t *acc, size_t acc_stride, const int32_t *offsets);

/* The tiles of one gemm. */
typedef struct tfp_tiles {
  tfp_tile *run[TFP_TILE_BATCH]; /* for 1 to `batch` columns */
  size_t batch;                  /* columns of the widest */
  size_t step_depth;             /* columns of weights in one tile of depth */
  size_t bits;                   /* a weight */
} tfp_tiles;

/* More columns than a tile has take turns over one block, which stays in the first-level cache:
 * the weights come from memory once whatever the batch. */
TFP_INLINE void tfp_run_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                              size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                              int32_t *acc, size_t acc_stride, const int32_t *offsets) {
  const size_t steps = (depth + tiles->step_depth - 1) / tiles->step_depth;
  if (batch <= tiles->batch) {
    tiles->run[batch - 1](blocks_packed, blocks, steps, x, x_stride, acc, acc_stride, offsets);
    return;
  }
  const size_t step_bytes = TFP_ROW_BLOCK * tiles->step_depth * tiles->bits / 8;
  const size_t block_bytes = TFP_ROW_BLOCK * sizeof(int32_t) + steps * step_bytes;
  const unsigned char *block = blocks_packed;
  for (size_t b = 0; b < blocks; ++b, block += block_bytes, acc += TFP_ROW_BLOCK) {
    for (size_t n = 0; n < batch; n += tiles->batch) {
      const size_t columns = batch - n < tiles->batch ? batch - n : tiles->batch;
      tiles->run[columns - 1](block, 1, steps, x + (ptrdiff_t)n * x_stride, x_stride,
                              acc + n * acc_stride, acc_stride,
                              offsets != NULL ? offsets + n : NULL);
    }
  }
}

/* Tiles of low bits multiply weights that are 2^(bits - 1) too large: the offset of a column is
 * what that adds up to. */
TFP_INLINE void tfp_run_low_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                                  size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                  int32_t *acc, size_t acc_stride) {
  const size_t padded = (depth + tiles->step_depth - 1) / tiles->step_depth * tiles->step_depth;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    const int8_t *column = x + (ptrdiff_t)n * x_stride;
    int32_t sum = 0;
    for (size_t k = 0; k < padded; ++k) sum += column[k];
    offsets[n] = -sum * (1 << (tiles->bits - 1));
  }
  tfp_run_tiles(tiles, blocks_packed, blocks, depth, batch, x, x_stride, acc, acc_stride, offsets);
}

#endif
