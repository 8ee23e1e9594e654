/* A packed matrix of weights of any width, and its product with up to TFP_MAX_BATCH vectors. */
#ifndef TFP_PACKED_H_
#define TFP_PACKED_H_

#include "tfp_arena.h"

/* Two's complement numbers (rows, depth) of 8, 4 or 2 bits, row-major; the first one in a byte
 * stands in its low bits, and every row begins with a byte of its own. One scale a row, or with
 * `one_scale` a single one for all rows. `sparse`: the values are still those of tfp_sparse.h,
 * which nothing but the plug-in reads. */
typedef struct tfp_matrix {
  const int8_t *values;
  const float *scales;
  size_t rows;
  size_t depth;
  bool one_scale;
  bool sparse;
} tfp_matrix;

static inline float tfp_row_scale(const tfp_matrix *matrix, size_t row) {
  return matrix->scales[matrix->one_scale ? 0 : row];
}

typedef struct tfp_packed {
  const tfp_weight_kernels *kernels;
  size_t depth;
  size_t blocks;
  size_t block_bytes;
  unsigned char *data;
} tfp_packed;

/* Bytes of a row of `depth` numbers of `bits` bits. */
size_t tfp_row_bytes(size_t depth, int bits);

/* Sizes and memory for `blocks` blocks of 16 rows. */
tfp_packed tfp_packed_layout(const tfp_variant *variant, int bits, size_t depth, size_t blocks,
                             tfp_arena *arena);

/* Packs rows `first` to `first + rows` (at most 16) of `matrix` into block `block`; blocks are
 * filled in order. `row_scratch` holds 16 * depth bytes; it is not used where weights have 8 bits.
 */
void tfp_packed_fill(const tfp_packed *packed, size_t block, const tfp_matrix *matrix, size_t first,
                     size_t rows, int32_t zero_point, int8_t *row_scratch);

/* acc[n][16 i ..] = the sums of block `first + i`, for i < count and n < batch. Both ends lie
 * between two of the widest panels, or at the end of the matrix. */
static inline void tfp_packed_multiply(const tfp_packed *packed, size_t first, size_t count,
                                       size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                       int32_t *acc, size_t acc_stride) {
  TFP_ASSERT(count > 0 && first + count <= packed->blocks);
  TFP_ASSERT(first % packed->kernels->panels[0] == 0);
  TFP_ASSERT(count % packed->kernels->panels[0] == 0 || first + count == packed->blocks);
  TFP_ASSERT(batch > 0 && batch <= TFP_MAX_BATCH && x != NULL && acc != NULL);
  TFP_ASSERT(batch == 1 || acc_stride >= count * TFP_ROW_BLOCK);
  packed->kernels->gemm(packed->data + first * packed->block_bytes, count, packed->depth, batch, x,
                        x_stride, acc, acc_stride);
}

#endif
