/* y = table[ids] or W table[ids], or means of them, on raw pointers; the arithmetic is
 * custom_ops/spec/embedding.md.
 *
 * The table and the scales of its rows are read where they are: they may be larger than memory. */
#ifndef TFP_EMBEDDING_H_
#define TFP_EMBEDDING_H_

#include "../fully_connected/tfp_fully_connected.h"
#include "tfp_embedding_options.h"

typedef struct tfp_embedding_shape {
  size_t vocabulary;
  size_t width;
  int table_bits;
  bool is_float; /* what is put out; else int8 */
  bool has_product;
  tfp_fully_connected_shape product; /* of the matrix, where there is one */
  tfp_mean mean;
  size_t words; /* that a vector is the mean of, where it is one */
} tfp_embedding_shape;

typedef struct tfp_embedding_weights {
  /* Two's complement numbers of table_bits bits; every row begins with a byte of its own. */
  const uint8_t *table;
  const float *scales;
  size_t scale_count; /* 1, or one a row */
  /* Where there is a matrix: its vectors are rows of the table, of scale 1, and y_scale is 1. */
  tfp_fully_connected_weights product;
  float y_scale;   /* not used where is_float */
  tfp_output_s8 y; /* likewise */
} tfp_embedding_weights;

/* A prepared op. It owns no memory: all of it lies in the block given to prepare, but for the table
 * and its scales, which must outlive it. */
typedef struct tfp_embedding {
  const tfp_variant *variant;
  tfp_embedding_shape shape;
  const uint8_t *table;
  const float *scales;
  size_t scale_count;
  size_t row_bytes;
  tfp_output_s8 y;
  tfp_fully_connected product;
  size_t padded;       /* numbers of a vector that is put out, rounded up to whole blocks */
  float *multiplier;   /* [padded], scale of each number over that of y */
  float *of_row;       /* [padded], the same times the scale of a row; of int8 only */
  float *zeros;        /* [padded], of bits 0: floats and int32 */
  int8_t *rows;        /* [TFP_MAX_BATCH][width] */
  int32_t *sums;       /* [padded], of int8 without a matrix */
  int8_t *whole_block; /* [padded], likewise */
  int8_t *columns;     /* [width][padded], the matrix by columns; of means with one only */
  float *means;        /* [width], of means only */
  float *products;     /* [padded], of means with a matrix only */
} tfp_embedding;

/* Bytes that prepare needs, aligned to TFP_ALIGNMENT. */
uint64_t tfp_embedding_bytes(const tfp_variant *variant, const tfp_embedding_shape *shape);

/* Checks the matrix and the scale of y; on failure writes one sentence and returns false. */
bool tfp_embedding_check(const tfp_embedding_shape *shape, const tfp_embedding_weights *weights,
                         char *error, size_t error_size);

/* Packs a matrix that was checked into `memory`. */
void tfp_embedding_prepare(tfp_embedding *op, const tfp_variant *variant,
                           const tfp_embedding_shape *shape, const tfp_embedding_weights *weights,
                           void *memory);

/* Bytes of a row of the table. */
size_t tfp_embedding_row_bytes(const tfp_embedding_shape *shape);

/* The first id that is no row of the table, or whose row has a scale out of range; `count` where
 * there is none. */
size_t tfp_embedding_find_bad(const tfp_embedding *op, size_t count, const int32_t *ids);

/* ids [count] that were checked to y [count][units or width], or [count / words][units or width] of
 * means; allocates nothing and cannot fail. */
void tfp_embedding_run(const tfp_embedding *op, size_t count, const int32_t *ids, void *y);

/* What tfp_embedding.c and tfp_embedding_mean.c need of each other. */

/* The scale of the row of `id`. */
float tfp_embedding_scale(const tfp_embedding *op, int32_t id);

/* The numbers of a row, one a byte: where the table has them so, or in `scratch`. */
const int8_t *tfp_embedding_row(const tfp_embedding *op, int32_t id, int8_t *scratch);

/* Writes the columns of a matrix that was checked, and is not sparse, one behind the other. */
void tfp_embedding_turn(tfp_embedding *op, const tfp_fully_connected_weights *weights);

/* ids [count] to y [count / words][units or width]. */
void tfp_embedding_run_mean(const tfp_embedding *op, size_t count, const int32_t *ids, void *y);

#endif
