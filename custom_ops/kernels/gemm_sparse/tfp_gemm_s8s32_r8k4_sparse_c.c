/* Portable gemm of sparse weights, the reference of the others. */
#include "../common/tfp_bytes.h"
#include "../common/tfp_sparse.h"

/* Adds a tile times 4 values of x to the sums of its rows. */
TFP_INLINE void multiply_tile(const int8_t *w, const int8_t *x, int32_t sum[TFP_SPARSE_ROWS]) {
  const int32_t a = x[0], b = x[1], c = x[2], d = x[3];
  for (int row = 0; row < TFP_SPARSE_ROWS; ++row, w += TFP_SPARSE_COLUMNS) {
    sum[row] += w[0] * a + w[1] * b + w[2] * c + w[3] * d;
  }
}

void tfp_gemm_s8s32_r8k4_sparse_c(const void *blocks_packed, size_t blocks, size_t depth,
                                  size_t batch, const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                                  size_t acc_stride) {
  enum { kTile = TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS };
  (void)depth;
  for (; blocks > 0; --blocks, acc += TFP_ROW_BLOCK) {
    tfp_sparse_block at = tfp_read_sparse_block(blocks_packed);
    for (size_t half = 0; half < 2; ++half) {
      const size_t first = half * TFP_SPARSE_ROWS, count = at.counts[half];
      for (size_t n = 0; n < batch; ++n) {
        const int8_t *column = x + (ptrdiff_t)n * x_stride;
        int32_t sum[TFP_SPARSE_ROWS] = {0};
        for (size_t i = 0; i < count; ++i) {
          multiply_tile(at.weights + i * kTile, column + at.columns[i], sum);
        }
        for (size_t row = 0; row < TFP_SPARSE_ROWS; ++row) {
          /* Unsigned: a start may hold any bias, and sums wrap around as those of vectors do. */
          const uint32_t start = (uint32_t)at.start[first + row];
          acc[n * acc_stride + first + row] = (int32_t)(start + (uint32_t)sum[row]);
        }
      }
      at.columns += count;
      at.weights += kTile * count;
    }
    blocks_packed = at.weights;
  }
}
