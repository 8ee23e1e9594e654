#include "tfp_sparsity.h"

#include <stdio.h>

#include "../kernels/common/tfp_assert.h"

enum { kRows = TFP_SPARSE_ROWS, kColumns = TFP_SPARSE_COLUMNS, kTile = kRows * kColumns };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

/* Whether an array holds 0, 1, 2 and so on. */
static bool counts(const TfLiteIntArray *array, int size) {
  if (array == NULL || array->size != size) return false;
  for (int i = 0; i < size; ++i) {
    if (array->data[i] != i) return false;
  }
  return true;
}

static bool is_dense(const TfLiteDimensionMetadata *dimension, size_t size) {
  return dimension->format == kTfLiteDimDense && dimension->dense_size >= 0 &&
         (size_t)dimension->dense_size == size;
}

/* The tiles of each row of tiles: segments ascend from 0 to the number of indices, and the columns
 * within a segment ascend. */
static bool check_indices(const TfLiteIntArray *segments, const TfLiteIntArray *indices,
                          size_t groups, size_t columns, char *error, size_t error_size) {
  if (segments == NULL || indices == NULL || segments->size < 0 || indices->size < 0 ||
      (size_t)segments->size != groups + 1) {
    REFUSE("%lu rows of tiles need %lu segments; got %d", (unsigned long)groups,
           (unsigned long)groups + 1, segments == NULL ? 0 : segments->size);
  }
  if (segments->data[0] != 0 || segments->data[groups] != indices->size) {
    REFUSE("segments must go from 0 to the number of tiles, %d; got %d to %d", indices->size,
           segments->data[0], segments->data[groups]);
  }
  for (size_t group = 0; group < groups; ++group) {
    const int begin = segments->data[group], end = segments->data[group + 1];
    if (begin > end || end > indices->size) {
      REFUSE("segment %lu of the tiles goes from %d to %d of %d", (unsigned long)group, begin, end,
             indices->size);
    }
    for (int i = begin; i < end; ++i) {
      const int column = indices->data[i];
      if (column < 0 || (size_t)column >= columns ||
          (i > begin && column <= indices->data[i - 1])) {
        REFUSE("tile %d is at column %d; columns of a row of tiles must ascend below %lu", i,
               column, (unsigned long)columns);
      }
    }
  }
  return true;
}

bool tfp_read_sparsity(const TfLiteTensor *tensor, size_t parts, size_t part_rows, size_t depth,
                       tfp_stored_tiles *tiles, char *error, size_t error_size) {
  TFP_ASSERT(tensor->sparsity != NULL && parts > 0 && part_rows > 0 && depth > 0);
  const TfLiteSparsity *sparsity = tensor->sparsity;
  const size_t groups = parts * ((part_rows + kRows - 1) / kRows);
  const size_t columns = (depth + kColumns - 1) / kColumns;
  const TfLiteIntArray *dims = tensor->dims;
  if (tensor->type != kTfLiteInt8 || dims == NULL || dims->size != 2 || dims->data[0] < 0 ||
      dims->data[1] < 0 || (size_t)dims->data[0] != groups * kRows ||
      (size_t)dims->data[1] != columns * kColumns) {
    REFUSE("sparse weights must be int8 [%lu, %lu], whole tiles of %dx%d",
           (unsigned long)(groups * kRows), (unsigned long)(columns * kColumns), kRows, kColumns);
  }
  if (!counts(sparsity->traversal_order, 4) || !counts(sparsity->block_map, 2) ||
      sparsity->dim_metadata == NULL || sparsity->dim_metadata_size != 4) {
    REFUSE("sparse weights must be traversed as 0, 1, 2, 3 in blocks of both dimensions");
  }
  const TfLiteDimensionMetadata *d = sparsity->dim_metadata;
  if (!is_dense(&d[0], groups) || d[1].format != kTfLiteDimSparseCSR || !is_dense(&d[2], kRows) ||
      !is_dense(&d[3], kColumns)) {
    REFUSE("sparse weights must be %lu dense rows of compressed tiles of %dx%d",
           (unsigned long)groups, kRows, kColumns);
  }
  if (!check_indices(d[1].array_segments, d[1].array_indices, groups, columns, error, error_size)) {
    return false;
  }
  const uint64_t bytes = (uint64_t)d[1].array_indices->size * kTile;
  if (tensor->allocation_type != kTfLiteMmapRo || tensor->data == NULL || tensor->bytes != bytes) {
    REFUSE("%d tiles must be a constant of %llu bytes; got %lu", d[1].array_indices->size,
           (unsigned long long)bytes, (unsigned long)(tensor->data == NULL ? 0 : tensor->bytes));
  }
  *tiles = (tfp_stored_tiles){d[1].array_segments->data, d[1].array_indices->data, part_rows};
  return true;
}
