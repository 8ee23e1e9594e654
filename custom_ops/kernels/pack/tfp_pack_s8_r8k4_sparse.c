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

/* `in_turn`: r16k4, where tiles of both halves of the rows take turns. */
TFP_NOINLINE static void pack_sparse(const int8_t *weights, size_t rows, size_t depth,
                                     size_t stride, int32_t zero_point, void *packed,
                                     bool in_turn) {
  enum { kRows = TFP_SPARSE_ROWS, kTile = TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS };
  TFP_ASSERT(rows > 0 && rows <= TFP_ROW_BLOCK && depth > 0 && stride >= depth);
  int32_t *start = packed;
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    const uint32_t sum = row < rows ? (uint32_t)tfp_sum_s8(weights + row * stride, depth) : 0;
    start[row] = (int32_t)(0u - (uint32_t)zero_point * sum);
  }
  const size_t inside[2] = {rows < kRows ? rows : kRows, rows < kRows ? 0 : rows - kRows};
  size_t found[2] = {0, 0};
  int8_t tile[kTile];
  for (size_t half = 0; half < 2; ++half) {
    for (size_t k = 0; inside[half] > 0 && k < depth; k += TFP_SPARSE_COLUMNS) {
      found[half] +=
          copy_tile(weights + half * kRows * stride, inside[half], depth, stride, k, tile);
    }
  }
  /* Kernels take two at a time: what is missing is a tile of zeros. */
  const size_t most = found[0] > found[1] ? found[0] : found[1];
  uint32_t *counts = (uint32_t *)packed + TFP_ROW_BLOCK;
  for (size_t half = 0; half < 2; ++half) {
    counts[half] = (uint32_t)((in_turn ? most : found[half]) + 1) & ~1u;
  }
  const size_t tiles = (size_t)counts[0] + counts[1], step = in_turn ? 2 : 1;
  uint16_t *columns = (uint16_t *)(void *)(counts + 2);
  int8_t *out = (int8_t *)packed + tfp_sparse_header_bytes(tiles);
  /* What lies between has a value too, so that packed weights are the same every time. */
  memset(columns, 0, (size_t)((unsigned char *)out - (unsigned char *)columns));
  for (size_t half = 0; half < 2; ++half) {
    size_t at = in_turn ? half : half * counts[0];
    for (size_t k = 0; inside[half] > 0 && k < depth; k += TFP_SPARSE_COLUMNS) {
      if (!copy_tile(weights + half * kRows * stride, inside[half], depth, stride, k, tile)) {
        continue;
      }
      columns[at] = (uint16_t)k;
      memcpy(out + at * kTile, tile, kTile);
      at += step;
    }
    for (size_t i = found[half]; i < counts[half]; ++i, at += step) {
      memset(out + at * kTile, 0, kTile);
    }
  }
}

void tfp_pack_s8_r8k4_sparse(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                             int32_t zero_point, void *panel, size_t width, size_t index) {
  (void)width, (void)index;
  pack_sparse(weights, rows, depth, stride, zero_point, panel, false);
}

/* For kernels that multiply x + 128, as unsigned bytes, in place of x. */
void tfp_pack_s8_r8k4_sparse_offset128(const int8_t *weights, size_t rows, size_t depth,
                                       size_t stride, int32_t zero_point, void *panel, size_t width,
                                       size_t index) {
  (void)width, (void)index;
  pack_sparse(weights, rows, depth, stride, zero_point + 128, panel, false);
}

void tfp_pack_s8_r16k4_sparse_offset128(const int8_t *weights, size_t rows, size_t depth,
                                        size_t stride, int32_t zero_point, void *panel,
                                        size_t width, size_t index) {
  (void)width, (void)index;
  pack_sparse(weights, rows, depth, stride, zero_point + 128, panel, true);
}
