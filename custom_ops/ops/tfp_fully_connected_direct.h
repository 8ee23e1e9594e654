/* Results that a kernel writes by itself, without memory for its sums. */
#ifndef TFP_FULLY_CONNECTED_DIRECT_H_
#define TFP_FULLY_CONNECTED_DIRECT_H_

#include "tfp_fully_connected.h"

/* The vectors of one call, as int8, and where results go. */
typedef struct tfp_direct_vectors {
  size_t batch;
  const int8_t *x;
  ptrdiff_t x_stride;
  const tfp_affine *levels; /* one a vector, where the op is_float */
  void *y;                  /* [batch][rows] */
} tfp_direct_vectors;

/* Runs the first of `blocks` blocks of rows, from `block` on: all but one with rows that are not
 * there. Returns how many; 0 where the variant has no such kernel. */
size_t tfp_fully_connected_direct(const tfp_fully_connected *op, const tfp_direct_vectors *vectors,
                                  size_t block, size_t blocks);

#endif
