#include "tfp_sparse_matrix.h"

#include <string.h>

#include "../../kernels/common/tfp_assert.h"

enum { kRows = TFP_SPARSE_ROWS, kColumns = TFP_SPARSE_COLUMNS, kTile = kRows * kColumns };

size_t tfp_stored_count(const tfp_stored_tiles *tiles, size_t rows) {
  const size_t last = tfp_stored_row(tiles, rows - 1) / kRows + 1;
  return (size_t)tiles->segments[last];
}

size_t tfp_paired_count(const tfp_stored_tiles *tiles, size_t rows) {
  const size_t end = tfp_stored_row(tiles, rows - 1) / kRows + 1;
  const size_t part = (tiles->part_rows + kRows - 1) / kRows;
  size_t count = 0;
  for (size_t group = 0; group < end;) {
    const bool has_next = group % part + 1 < part;
    const int32_t *s = tiles->segments + group;
    const size_t first = (size_t)(s[1] - s[0]), next = has_next ? (size_t)(s[2] - s[1]) : 0;
    count += 2 * (first > next ? first : next);
    group += has_next ? 2 : 1;
  }
  return count;
}

void tfp_spread_tiles(const tfp_stored_tiles *tiles, const int8_t *values, size_t first,
                      size_t rows, size_t depth, int8_t *out) {
  const size_t begin = tfp_stored_row(tiles, first);
  TFP_ASSERT(begin % kRows == 0 && rows > 0);
  memset(out, 0, rows * depth);
  for (size_t done = 0; done < rows; done += kRows) {
    const size_t group = (begin + done) / kRows, left = rows - done;
    const size_t inside = left < kRows ? left : kRows;
    for (int32_t i = tiles->segments[group]; i < tiles->segments[group + 1]; ++i) {
      const size_t k = (size_t)tiles->columns[i] * kColumns;
      const size_t width = depth - k < kColumns ? depth - k : kColumns;
      const int8_t *tile = values + (size_t)i * kTile;
      TFP_ASSERT(k < depth);
      for (size_t row = 0; row < inside; ++row) {
        memcpy(out + (done + row) * depth + k, tile + row * kColumns, width);
      }
    }
  }
}

bool tfp_tiles_hold_minus_128(const tfp_stored_tiles *tiles, const int8_t *values, size_t rows) {
  const size_t count = tfp_stored_count(tiles, rows) * kTile;
  bool found = false;
  for (size_t i = 0; i < count; ++i) found |= values[i] == INT8_MIN;
  return found;
}
