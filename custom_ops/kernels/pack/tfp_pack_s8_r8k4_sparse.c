/* Packs 16 rows of int8 weights without those of their 8x4 tiles that are zeros. */
#include "../common/tfp_assert.h"
#include "../common/tfp_bytes.h"
#include "../common/tfp_sparse.h"
#include "../common/tfp_sum_s8.h"

/* Copies the tile of up to 8 rows at column `k`, which may end there; returns whether there is a
 * number other than 0. */
TFP_NOINLINE static bool copy_tile(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                                   size_t k, int8_t tile[TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS]) {
  const size_t columns = depth - k < TFP_SPARSE_COLUMNS ? depth - k : TFP_SPARSE_COLUMNS;
  int8_t any = 0;
  memset(tile, 0, TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns; ++i) {
      const int8_t w = weights[row * stride + k + i];
      tile[row * TFP_SPARSE_COLUMNS + i] = w;
      any = (int8_t)(any | w);
    }
  }
  return any != 0;
}

/* The two passes are over the same tiles: columns come before all weights. */
TFP_NOINLINE static void pack_sparse(const int8_t *weights, size_t rows, size_t depth,
                                     size_t stride, int32_t zero_point, void *packed) {
  enum { kRows = TFP_SPARSE_ROWS, kTile = TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS };
  TFP_ASSERT(rows > 0 && rows <= TFP_ROW_BLOCK && depth > 0 && stride >= depth);
  int32_t *start = packed;
  uint32_t *counts = (uint32_t *)packed + TFP_ROW_BLOCK;
  uint16_t *columns = (uint16_t *)(void *)(counts + 2), *column = columns;
  size_t found[2];
  int8_t tile[kTile];
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    const uint32_t sum = row < rows ? (uint32_t)tfp_sum_s8(weights + row * stride, depth) : 0;
    start[row] = (int32_t)(0u - (uint32_t)zero_point * sum);
  }
  for (size_t half = 0; half < 2; ++half) {
    const size_t first = half * kRows, left = rows > first ? rows - first : 0;
    const uint16_t *begin = column;
    for (size_t k = 0; left > 0 && k < depth; k += TFP_SPARSE_COLUMNS) {
      if (copy_tile(weights + first * stride, left < kRows ? left : kRows, depth, stride, k,
                    tile)) {
        *column++ = (uint16_t)k;
      }
    }
    found[half] = (size_t)(column - begin);
    if (found[half] % 2 != 0) *column++ = 0; /* kernels take two at a time: a tile of zeros */
    counts[half] = (uint32_t)(column - begin);
  }
  const size_t tiles = (size_t)(column - columns);
  int8_t *out = (int8_t *)packed + tfp_sparse_header_bytes(tiles);
  /* What lies between has a value too, so that packed weights are the same every time. */
  memset(column, 0, (size_t)((unsigned char *)out - (unsigned char *)column));
  for (size_t half = 0; half < 2; ++half) {
    const size_t first = half * kRows, left = rows > first ? rows - first : 0;
    for (size_t i = 0; i < counts[half]; ++i, out += kTile, ++columns) {
      if (i >= found[half]) {
        memset(out, 0, kTile);
      } else {
        copy_tile(weights + first * stride, left < kRows ? left : kRows, depth, stride, *columns,
                  out);
      }
    }
  }
}

void tfp_pack_s8_r8k4_sparse(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                             int32_t zero_point, void *panel, size_t width, size_t index) {
  (void)width, (void)index;
  pack_sparse(weights, rows, depth, stride, zero_point, panel);
}

/* For kernels that multiply x + 128, as unsigned bytes, in place of x. */
void tfp_pack_s8_r8k4_sparse_offset128(const int8_t *weights, size_t rows, size_t depth,
                                       size_t stride, int32_t zero_point, void *panel, size_t width,
                                       size_t index) {
  (void)width, (void)index;
  pack_sparse(weights, rows, depth, stride, zero_point + 128, panel);
}
