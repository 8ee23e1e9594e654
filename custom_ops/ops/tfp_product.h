/* gates * units rows of int8 weights times an int8 vector, plain or as two factors.
 *
 * The rows are interleaved by 16 units: units 0..15 of every gate, then units 16..31, and so on,
 * so that one gemm call over `gates` blocks yields all that 16 units need. With two factors the
 * vector between them is requantized to int8 and never leaves the op. Any cell uses this. */
#ifndef TFP_PRODUCT_H_
#define TFP_PRODUCT_H_

#include "tfp_arena.h"

/* Vectors of one call at most: steps of a sequence that share one pass over the weights. */
#define TFP_STEP_CHUNK 4

/* int8 weights (rows, depth), row-major, in [-127, 127], and one scale a row. */
typedef struct tfp_matrix {
  const int8_t *values;
  const float *scales;
  size_t rows;
  size_t depth;
} tfp_matrix;

typedef struct tfp_product {
  size_t depth;      /* of the vector that comes in */
  size_t rank;       /* between the factors; 0 for one plain matrix */
  size_t units;      /* per gate */
  size_t gates;      /* rows of the last matrix are gates * units */
  size_t last_depth; /* rank, or depth when plain */
  size_t last_block_bytes;
  size_t inner_width; /* rank, rounded up to whole blocks */
  void *first;        /* packed; NULL when plain */
  void *last;         /* packed and interleaved */
  float *multiplier;  /* of the vector between the factors */
  int32_t *inner_acc; /* scratch [TFP_STEP_CHUNK][inner_width] */
  int8_t *inner;      /* scratch [TFP_STEP_CHUNK][inner_width] */
} tfp_product;

/* Sets sizes and takes memory from `arena`; the four sizes are set by the caller. */
void tfp_product_layout(tfp_product *product, const tfp_variant *variant, tfp_arena *arena);

/* Packs the weights. `matrices` holds (rank, depth) and (gates * units, rank), or one plain
 * (gates * units, depth). `zero_point` is that of the vector that comes in. Writes the multiplier
 * of each row of the last matrix, `scale * row scale`, to `row_multiplier`. */
void tfp_product_pack(const tfp_product *product, const tfp_variant *variant,
                      const tfp_matrix *matrices, float scale, int32_t zero_point,
                      float inner_scale, float *row_multiplier);

/* Runs the first factor, if there is one, over `batch` vectors; returns the vectors that the last
 * matrix multiplies and sets their stride. */
const int8_t *tfp_product_inner(const tfp_product *product, const tfp_variant *variant,
                                size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                ptrdiff_t *inner_stride);

#endif
