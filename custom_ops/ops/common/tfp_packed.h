/* A packed matrix of weights of any width, and its product with up to TFP_MAX_BATCH vectors. */
#ifndef TFP_PACKED_H_
#define TFP_PACKED_H_

#include "tfp_arena.h"
#include "tfp_sparse_matrix.h"

/* Two's complement numbers (rows, depth) of 8, 4 or 2 bits, row-major; the first one in a byte
 * stands in its low bits, and every row begins with a byte of its own. `trits`: those of 2 bits are
 * ternary, and stored as tfp_unpack.h says. One scale a row, or with
 * `one_scale` a single one for all rows. Sparse weights have 8 bits; their tiles are stored, and
 * rows of scales are rounded up with them. `masked`: the values are still those of tfp_masked.h,
 * which nothing but the plug-in reads. */
typedef struct tfp_matrix {
  const int8_t *values;
  const float *scales;
  size_t rows;
  size_t depth;
  tfp_stored_tiles tiles;
  bool one_scale;
  bool masked;
  bool trits;
} tfp_matrix;

static inline float tfp_row_scale(const tfp_matrix *matrix, size_t row) {
  return matrix->scales[matrix->one_scale ? 0 : tfp_stored_row(&matrix->tiles, row)];
}

/* What a packed matrix is made of. */
typedef struct tfp_weight_format {
  int bits;
  bool is_sparse;
  size_t tiles; /* where it is, as tfp_paired_count counts them */
} tfp_weight_format;

tfp_weight_format tfp_format_of(const tfp_matrix *matrix, int bits);

typedef struct tfp_packed {
  const tfp_weight_kernels *kernels;
  size_t depth;
  size_t blocks;
  size_t block_bytes; /* where weights are sparse, those of a block on average */
  unsigned char *data;
  uint32_t *places; /* of sparse blocks, in units of TFP_SPARSE_ALIGNMENT; else NULL */
} tfp_packed;

/* Bytes of a row of `depth` numbers of `bits` bits. */
size_t tfp_row_bytes(size_t depth, int bits);

/* Sizes and memory for `blocks` blocks of 16 rows. */
tfp_packed tfp_packed_layout(const tfp_variant *variant, const tfp_weight_format *format,
                             size_t depth, size_t blocks, tfp_arena *arena);

/* Packs up to 16 rows of `depth` int8 weights each into block `block`; blocks are filled in order.
 * Returns the starts of its 16 sums. */
int32_t *tfp_packed_put(const tfp_packed *packed, size_t block, const int8_t *weights, size_t rows,
                        int32_t zero_point);

/* Packs rows `first` to `first + rows` (at most 16) of `matrix` into block `block`; blocks are
 * filled in order. `row_scratch` holds 16 * depth bytes; it is not used where weights have 8 bits
 * and are not sparse. */
void tfp_packed_fill(const tfp_packed *packed, size_t block, const tfp_matrix *matrix, size_t first,
                     size_t rows, int32_t zero_point, int8_t *row_scratch);

/* Blocks of the last panel. */
size_t tfp_packed_last_panel(const tfp_packed *packed);

/* Where block `block` begins, which begins a panel. */
static inline const unsigned char *tfp_packed_block(const tfp_packed *packed, size_t block) {
  if (packed->places == NULL) return packed->data + block * packed->block_bytes;
  return packed->data + (size_t)packed->places[block] * TFP_SPARSE_ALIGNMENT;
}

/* Whether a call may begin or end before block `block`: between two of the widest panels, or before
 * or behind the last panel. */
static inline bool tfp_packed_splits(const tfp_packed *packed, size_t block) {
  return block % packed->kernels->panels[0] == 0 || block == packed->blocks ||
         block == packed->blocks - tfp_packed_last_panel(packed);
}

/* acc[n][16 i ..] = the sums of block `first + i`, for i < count and n < batch, between two blocks
 * where a call may begin and end. */
static inline void tfp_packed_multiply(const tfp_packed *packed, size_t first, size_t count,
                                       size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                       int32_t *acc, size_t acc_stride) {
  TFP_ASSERT(count > 0 && first + count <= packed->blocks);
  TFP_ASSERT(tfp_packed_splits(packed, first) && tfp_packed_splits(packed, first + count));
  TFP_ASSERT(batch > 0 && batch <= TFP_MAX_BATCH && x != NULL && acc != NULL);
  TFP_ASSERT(batch == 1 || acc_stride >= count * TFP_ROW_BLOCK);
  packed->kernels->gemm(tfp_packed_block(packed, first), count, packed->depth, batch, x, x_stride,
                        acc, acc_stride);
}

#endif
