/* Where the blocks of a packed matrix lie. */
#include "common/tfp_assert.h"
#include "common/tfp_panels.h"
#include "common/tfp_sparse.h"
#include "tfp_kernels.h"

size_t tfp_packed_block_bytes(const tfp_weight_kernels *kernels, size_t depth) {
  const size_t mask = kernels->depth_block - 1, padded = (depth + mask) & ~mask;
  return TFP_ROW_BLOCK * (sizeof(int32_t) + padded * (size_t)kernels->bits / 8);
}

tfp_block_place tfp_find_block(const tfp_weight_kernels *kernels, void *packed, size_t blocks,
                               size_t depth, size_t block) {
  TFP_ASSERT(block < blocks);
  const uint8_t *panels = kernels->panels;
  size_t first = block - block % panels[0], width;
  while (width = tfp_first_panel(panels, blocks - first), first + width <= block) first += width;
  unsigned char *panel = (unsigned char *)packed + first * tfp_packed_block_bytes(kernels, depth);
  return (tfp_block_place){panel, width, block - first};
}

void tfp_pack_block(const tfp_weight_kernels *kernels, void *packed, size_t blocks, size_t block,
                    const int8_t *weights, size_t rows, size_t depth, size_t stride,
                    int32_t zero_point) {
  const tfp_block_place at = tfp_find_block(kernels, packed, blocks, depth, block);
  kernels->pack(weights, rows, depth, stride, zero_point, at.panel, at.width, at.index);
}

size_t tfp_sparse_block_bytes(const void *block) {
  enum { kTile = TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS };
  const tfp_sparse_block at = tfp_read_sparse_block(block);
  const size_t tiles = at.counts[0] + at.counts[1];
  return tfp_sparse_header_bytes(tiles) + tiles * kTile;
}

uint64_t tfp_sparse_bytes_at_most(size_t blocks, size_t tiles) {
  enum { kTile = TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS };
  /* Up to one tile more for each 8 rows, and what the header is rounded up by. */
  const uint64_t most = (uint64_t)tiles + 2 * (uint64_t)blocks;
  return blocks * (uint64_t)(tfp_sparse_header_bytes(0) + TFP_SPARSE_ALIGNMENT) +
         most * (kTile + sizeof(uint16_t));
}
