/* Packing of 16 rows into tiles: for each `tile_rows` rows, and for each `tile_depth` columns of
 * them, int8[tile_rows][tile_depth]. The blocks of a panel take turns tile by tile; a panel of
 * several blocks has tiles of all 16 rows. */
#ifndef TFP_PACK_TILED_H_
#define TFP_PACK_TILED_H_

#include "../common/tfp_assert.h"
#include "../common/tfp_bytes.h"
#include "../common/tfp_sum_s8.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

TFP_INLINE void tfp_pack_tiled(const size_t tile_rows, const size_t tile_depth,
                               const int8_t *weights, size_t rows, size_t depth, size_t stride,
                               int32_t zero_point, void *panel, size_t width, size_t index) {
  TFP_ASSERT(rows > 0 && rows <= TFP_ROW_BLOCK && depth > 0 && stride >= depth);
  TFP_ASSERT(index < width && (width == 1 || tile_rows == TFP_ROW_BLOCK));
  const size_t tile = tile_rows * tile_depth, turn = width * tile;
  int32_t *start = (int32_t *)panel + index * TFP_ROW_BLOCK;
  int8_t *out = (int8_t *)((int32_t *)panel + width * TFP_ROW_BLOCK) + index * tile;
  const size_t steps = (depth + tile_depth - 1) / tile_depth, whole = depth / tile_depth;
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    int8_t *to = out + row / tile_rows * tile * steps + row % tile_rows * tile_depth;
    const bool inside = row < rows;
    const int8_t *w = weights + (inside ? row * stride : 0);
    /* Unsigned: the sum times the zero point wraps around as the accumulators do. */
    const uint32_t sum = inside ? (uint32_t)tfp_sum_s8(w, depth) : 0;
    start[row] = (int32_t)(0u - (uint32_t)zero_point * sum);
    size_t step = 0;
    for (; inside && step < whole; ++step, to += turn) {
      memcpy(to, w + step * tile_depth, tile_depth); /* a constant: one load and one store */
    }
    for (; step < steps; ++step, to += turn) {
      for (size_t i = 0; i < tile_depth; ++i) {
        const size_t k = step * tile_depth + i;
        to[i] = inside && k < depth ? w[k] : (int8_t)0;
      }
    }
  }
}

#endif
