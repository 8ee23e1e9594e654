/* gates * units rows of weights times an int8 vector, plain or as two factors.
 *
 * The rows are interleaved by 16 units: units 0..15 of every gate, then units 16..31, and so on,
 * so that one gemm call over `gates` blocks yields all that 16 units need. With two factors the
 * vector between them is requantized to int8 and never leaves the op. The last matrix may be a sum
 * of planes, which are packed and multiplied one by one. Any cell uses this. */
#ifndef TFP_PRODUCT_H_
#define TFP_PRODUCT_H_

#include "../common/tfp_packed.h"
#include "../common/tfp_split.h"

enum { TFP_MAX_PLANES = 3 };

typedef struct tfp_product_shape {
  size_t depth;               /* of the vector that comes in */
  size_t rank;                /* between the factors; 0 for one plain matrix */
  size_t units;               /* per gate */
  size_t gates;               /* rows of the last matrix are gates * units */
  size_t planes;              /* of which the last matrix is the sum; 1 with two factors */
  size_t batch;               /* vectors of one call at most */
  const int *weight_bits;     /* of the first matrix and, with two factors, of the second */
  const tfp_matrix *matrices; /* likewise; only which tiles are stored is looked at */
} tfp_product_shape;

typedef struct tfp_product {
  tfp_product_shape shape;
  tfp_packed first;                    /* not used when plain */
  tfp_packed last;                     /* interleaved */
  tfp_packed more[TFP_MAX_PLANES - 1]; /* the planes behind the first one, likewise */
  size_t inner_width;                  /* rank, rounded up to whole blocks */
  float *multiplier;                   /* of the vector between the factors */
  int32_t *inner_acc;                  /* scratch [batch][inner_width] */
  size_t inner_stride; /* inner_width, or more where the last kernel reads further */
  int8_t *inner;       /* scratch [batch][inner_stride] */
  int8_t *row_scratch; /* [16][depth], used while packing low bits or tiles */
} tfp_product;

/* Sets sizes and takes memory from `arena`. */
void tfp_product_layout(tfp_product *product, const tfp_variant *variant,
                        const tfp_product_shape *shape, tfp_arena *arena);

/* Packs the weights. `matrices` holds (rank, depth) and (gates * units, rank), or one plain
 * (planes * gates * units, depth). `zero_point` is that of the vector that comes in. Writes the
 * multiplier of each row of the last matrix, `scale * row scale`, to `row_multiplier`. */
void tfp_product_pack(const tfp_product *product, const tfp_matrix *matrices, float scale,
                      int32_t zero_point, float inner_scale, float *row_multiplier);

/* Columns that must be readable after the `depth` ones of a vector that comes in, with these. */
size_t tfp_product_padded_depth(const tfp_product *product);

/* Runs the first factor, if there is one, over `batch` vectors; returns the vectors that the last
 * matrix multiplies and sets their stride. */
const int8_t *tfp_product_inner(const tfp_product *product, const tfp_variant *variant,
                                size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                ptrdiff_t *inner_stride, const tfp_parallel *parallel);

/* Plane `plane` of the last matrix. */
static inline const tfp_packed *tfp_product_plane(const tfp_product *product, size_t plane) {
  TFP_ASSERT(plane < product->shape.planes);
  return plane == 0 ? &product->last : &product->more[plane - 1];
}

/* The sums of all rows of a plane of the last matrix, acc [batch][gates * units rounded up], of
 * vectors from tfp_product_inner. */
void tfp_product_last(const tfp_product *product, size_t plane, size_t batch, const int8_t *inner,
                      ptrdiff_t stride, int32_t *acc, const tfp_parallel *parallel);

#endif
