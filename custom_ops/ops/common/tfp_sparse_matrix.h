/* Weights as files hold them where most 8x4 tiles are zeros: the others, one after another
 * (custom_ops/spec/block_sparse.md). */
#ifndef TFP_SPARSE_MATRIX_H_
#define TFP_SPARSE_MATRIX_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../kernels/tfp_kernel_types.h"

/* Which tiles are stored, in compressed sparse rows: those of rows 8r .. 8r + 7 are numbers
 * segments[r] to segments[r + 1], at the columns 4 * columns[i], ascending. All numbers have been
 * checked. */
typedef struct tfp_stored_tiles {
  const int32_t *segments; /* NULL: the matrix is dense */
  const int32_t *columns;
  size_t part_rows; /* rows of each gate, or all rows: each part begins with a tile of its own */
} tfp_stored_tiles;

/* The place of row `row` among rows that are rounded up to whole tiles in each part. */
static inline size_t tfp_stored_row(const tfp_stored_tiles *tiles, size_t row) {
  if (tiles->segments == NULL) return row;
  const size_t rows = tiles->part_rows, mask = TFP_SPARSE_ROWS - 1;
  return row / rows * ((rows + mask) & ~mask) + row % rows;
}

/* Tiles of the parts of `rows` rows. */
size_t tfp_stored_count(const tfp_stored_tiles *tiles, size_t rows);

/* The same as kernels may pack them, two groups of 8 rows of a part together: the group with fewer
 * tiles counts as the other one. */
size_t tfp_paired_count(const tfp_stored_tiles *tiles, size_t rows);

/* Writes rows `first` to `first + rows` of one part, where `first` begins a tile, to `out`, one
 * after another with `depth` numbers each. */
void tfp_spread_tiles(const tfp_stored_tiles *tiles, const int8_t *values, size_t first,
                      size_t rows, size_t depth, int8_t *out);

/* Whether a stored tile holds -128, which sparse kernels do not take. */
bool tfp_tiles_hold_minus_128(const tfp_stored_tiles *tiles, const int8_t *values, size_t rows);

#endif
