/* How a block of 16 rows lies in memory when its weights are sparse (tfp_sparse_kernels). */
#ifndef TFP_SPARSE_H_
#define TFP_SPARSE_H_

#include "../tfp_kernels.h"
#include "tfp_assert.h"
#include "tfp_target.h"

/* A block, whose parts are found by what stands before them. */
typedef struct tfp_sparse_block {
  const int32_t *start;
  size_t counts[2]; /* tiles of rows 0..7 and of rows 8..15 */
  const uint16_t *columns;
  const int8_t *weights;
} tfp_sparse_block;

/* Bytes before the tiles of a block of `tiles` tiles. */
TFP_INLINE size_t tfp_sparse_header_bytes(size_t tiles) {
  const size_t mask = TFP_SPARSE_ALIGNMENT - 1;
  return (TFP_ROW_BLOCK * sizeof(int32_t) + 2 * sizeof(uint32_t) + tiles * sizeof(uint16_t) +
          mask) &
         ~mask;
}

TFP_INLINE tfp_sparse_block tfp_read_sparse_block(const void *packed) {
  const int32_t *start = packed;
  const uint32_t *counts = (const uint32_t *)packed + TFP_ROW_BLOCK;
  const size_t tiles = (size_t)counts[0] + counts[1];
  TFP_ASSERT((uintptr_t)packed % TFP_SPARSE_ALIGNMENT == 0);
  TFP_ASSERT(counts[0] % 2 == 0 && counts[1] % 2 == 0);
  return (tfp_sparse_block){start,
                            {counts[0], counts[1]},
                            (const uint16_t *)(counts + 2),
                            (const int8_t *)packed + tfp_sparse_header_bytes(tiles)};
}

#endif
