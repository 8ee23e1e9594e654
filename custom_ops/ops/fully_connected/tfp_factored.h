/* y = clamp(W2 q(W1 x) + b): a product with two factors, whose vector in between stays in the op;
 * the arithmetic is custom_ops/spec/factored_fully_connected.md. */
#ifndef TFP_FACTORED_H_
#define TFP_FACTORED_H_

#include "tfp_fully_connected.h"

/* Two fully connected ops. The depth of the second is the rows of the first; both have int8
 * vectors, or both float32 ones. */
typedef struct tfp_factored {
  tfp_fully_connected first;
  tfp_fully_connected last;
  void *inner; /* what lies between, of TFP_MAX_BATCH vectors */
} tfp_factored;

/* Bytes that prepare needs, aligned to TFP_ALIGNMENT. */
uint64_t tfp_factored_bytes(const tfp_variant *variant, const tfp_fully_connected_shape *first,
                            const tfp_fully_connected_shape *last, size_t threads);

/* Packs weights that passed tfp_fully_connected_check into `memory`; `shapes` and `weights` have
 * two each. With int8 vectors the levels of y of the first are those of x of the second. */
void tfp_factored_prepare(tfp_factored *op, const tfp_variant *variant,
                          const tfp_fully_connected_shape *shapes, size_t threads,
                          const tfp_fully_connected_weights *weights, void *memory);

/* As tfp_fully_connected_run. */
void tfp_factored_run(const tfp_factored *op, size_t batch, const void *x, void *y,
                      const tfp_parallel *parallel);

#endif
