/* Means of rows along the last dimension of the ids. What tfp_embedding.c and
 * tfp_embedding_mean.c need of each other. */
#ifndef TFP_EMBEDDING_MEAN_H_
#define TFP_EMBEDDING_MEAN_H_

#include "tfp_embedding.h"

/* The scale of the row of `id`. */
float tfp_embedding_scale(const tfp_embedding *op, int32_t id);

/* The numbers of a row, one a byte: where the table has them so, or in `scratch`. */
const int8_t *tfp_embedding_row(const tfp_embedding *op, int32_t id, int8_t *scratch);

/* Writes the columns of a matrix that was checked, and is not sparse, one behind the other. */
void tfp_embedding_turn(tfp_embedding *op, const tfp_fully_connected_weights *weights);

/* ids [count] to y [count / words][units or width]. */
void tfp_embedding_run_mean(const tfp_embedding *op, size_t count, const int32_t *ids, void *y);

#endif
