/* Tiles of gemm in assembly for AArch64, and how a gemm of any batch is made of them. */
#ifndef TFP_TILES_H_
#define TFP_TILES_H_

#include "../tfp_kernels.h"
#include "tfp_target.h"

/* Columns of one tile at most. */
#define TFP_TILE_BATCH 4

/* Results y[n][16 b + i] for `blocks` >= 1 packed blocks, of which each has `steps` >= 1 tiles of
 * depth. The number of columns is in the name. Where y is int32, strides count int32; tiles of low
 * bits then add offsets[n], which `more` points to, to the sums of column n. Where y is int8,
 * `more` is a tfp_tile_levels. Other tiles are given NULL. */
typedef void tfp_tile(const void *blocks_packed, size_t blocks, size_t steps, const int8_t *x,
                      ptrdiff_t x_stride, void *y, size_t y_stride, const void *more);

/* How a tile turns its sums into int8, see tfp_output_s8_fn; tfp_levels_neon.inc knows the places.
 */
typedef struct tfp_tile_levels {
  const float *multiplier; /* of the first row */
  float low, high;         /* before the zero point is added */
  int32_t zero_point;
} tfp_tile_levels;

/* How a tile turns its sums into float32, see tfp_output_f32_fn; likewise tfp_floats_neon.inc. */
typedef struct tfp_tile_floats {
  tfp_row_parameters rows; /* from the first row on */
  float low, high;
  int32_t zero_point[TFP_TILE_BATCH]; /* of the columns */
  float scale[TFP_TILE_BATCH];
} tfp_tile_floats;

/* The tiles of one gemm. */
typedef struct tfp_tiles {
  tfp_tile *run[TFP_TILE_BATCH]; /* for 1 to `batch` columns */
  size_t batch;                  /* columns of the widest */
  size_t step_depth;             /* columns of weights in one tile of depth */
  size_t bits;                   /* a weight */
} tfp_tiles;

/* More columns than a tile has take turns over a few blocks, which stay in the first-level cache:
 * the weights come from memory once whatever the batch. */
enum { kTileBytesAtOnce = 24 * 1024 };

TFP_INLINE size_t tfp_tile_steps(const tfp_tiles *tiles, size_t depth) {
  return (depth + tiles->step_depth - 1) / tiles->step_depth;
}

TFP_INLINE size_t tfp_tile_block_bytes(const tfp_tiles *tiles, size_t steps) {
  return TFP_ROW_BLOCK * (sizeof(int32_t) + steps * tiles->step_depth * tiles->bits / 8);
}

TFP_INLINE size_t tfp_tile_blocks_at_once(size_t block_bytes) {
  return block_bytes < kTileBytesAtOnce ? kTileBytesAtOnce / block_bytes : 1;
}

/* `offsets` is NULL or has one value a column. */
TFP_INLINE void tfp_run_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                              size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                              int32_t *acc, size_t acc_stride, const int32_t *offsets) {
  const size_t steps = tfp_tile_steps(tiles, depth);
  if (batch <= tiles->batch) {
    tiles->run[batch - 1](blocks_packed, blocks, steps, x, x_stride, acc, acc_stride, offsets);
    return;
  }
  const size_t block_bytes = tfp_tile_block_bytes(tiles, steps);
  const size_t most = tfp_tile_blocks_at_once(block_bytes);
  const unsigned char *block = blocks_packed;
  while (blocks > 0) {
    const size_t now = blocks < most ? blocks : most;
    for (size_t n = 0; n < batch; n += tiles->batch) {
      const size_t columns = batch - n < tiles->batch ? batch - n : tiles->batch;
      tiles->run[columns - 1](block, now, steps, x + (ptrdiff_t)n * x_stride, x_stride,
                              acc + n * acc_stride, acc_stride,
                              offsets != NULL ? offsets + n : NULL);
    }
    blocks -= now;
    block += now * block_bytes;
    acc += now * TFP_ROW_BLOCK;
  }
}

/* Tiles of low bits multiply weights that are 2^(bits - 1) too large: the offset of a column is
 * what that adds up to. */
TFP_INLINE void tfp_run_low_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                                  size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                  int32_t *acc, size_t acc_stride) {
  const size_t padded = tfp_tile_steps(tiles, depth) * tiles->step_depth;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    const int8_t *column = x + (ptrdiff_t)n * x_stride;
    int32_t sum = 0;
    for (size_t k = 0; k < padded; ++k) sum += column[k];
    offsets[n] = -sum * (1 << (tiles->bits - 1));
  }
  tfp_run_tiles(tiles, blocks_packed, blocks, depth, batch, x, x_stride, acc, acc_stride, offsets);
}

/* The same in int8. */
TFP_INLINE void tfp_run_s8_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                                 size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                 const float *multiplier, const tfp_output_s8 *to, int8_t *y,
                                 size_t y_stride) {
  const size_t steps = tfp_tile_steps(tiles, depth);
  const size_t block_bytes = tfp_tile_block_bytes(tiles, steps);
  const size_t most = batch <= tiles->batch ? blocks : tfp_tile_blocks_at_once(block_bytes);
  const unsigned char *block = blocks_packed;
  tfp_tile_levels levels = {multiplier, (float)(to->low - to->zero_point),
                            (float)(to->high - to->zero_point), to->zero_point};
  while (blocks > 0) {
    const size_t now = blocks < most ? blocks : most;
    for (size_t n = 0; n < batch; n += tiles->batch) {
      const size_t columns = batch - n < tiles->batch ? batch - n : tiles->batch;
      tiles->run[columns - 1](block, now, steps, x + (ptrdiff_t)n * x_stride, x_stride,
                              y + n * y_stride, y_stride, &levels);
    }
    blocks -= now;
    block += now * block_bytes;
    levels.multiplier += now * TFP_ROW_BLOCK;
    y += now * TFP_ROW_BLOCK;
  }
}

/* The same in float32. */
TFP_INLINE void tfp_run_f32_tiles(const tfp_tiles *tiles, const void *blocks_packed, size_t blocks,
                                  size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                  const tfp_row_parameters *rows, const tfp_output_f32 *to,
                                  float *y, size_t y_stride) {
  const size_t steps = tfp_tile_steps(tiles, depth);
  const size_t block_bytes = tfp_tile_block_bytes(tiles, steps);
  const size_t most = batch <= tiles->batch ? blocks : tfp_tile_blocks_at_once(block_bytes);
  const unsigned char *block = blocks_packed;
  tfp_tile_floats floats = {.rows = *rows, .low = to->low, .high = to->high};
  while (blocks > 0) {
    const size_t now = blocks < most ? blocks : most;
    for (size_t n = 0; n < batch; n += tiles->batch) {
      const size_t columns = batch - n < tiles->batch ? batch - n : tiles->batch;
      for (size_t i = 0; i < columns; ++i) {
        floats.zero_point[i] = to->x[n + i].zero_point;
        floats.scale[i] = to->x[n + i].scale;
      }
      tiles->run[columns - 1](block, now, steps, x + (ptrdiff_t)n * x_stride, x_stride,
                              y + n * y_stride, y_stride, &floats);
    }
    blocks -= now;
    block += now * block_bytes;
    floats.rows.weight_sums += now * TFP_ROW_BLOCK;
    floats.rows.scales += now * TFP_ROW_BLOCK;
    floats.rows.bias += now * TFP_ROW_BLOCK;
    y += now * TFP_ROW_BLOCK;
  }
}

#endif
