/* The constants of a recurrent op's node. */
#ifndef TFP_RECURRENT_WEIGHTS_H_
#define TFP_RECURRENT_WEIGHTS_H_

#include "../ops/recurrent/tfp_recurrent.h"
#include "tfp_node.h"

/* Inputs: x, the states, and then these. Outputs: y, and the states after the last step. */
enum { kX, kW1 = 0, kW2, kU1, kU2, kBias, kLengths, kGains, kY = 0 };

static inline const tfp_cell *cell_of(const tfp_node *node) {
  return node->op.cell;
}

/* The number of an input that comes after the states. */
static inline int input_after_states(const tfp_node *node, int i) {
  return 1 + (int)cell_of(node)->states + i;
}

/* Reads and checks the weights, the bias and the gains; sparse matrices stay as they are stored. */
TfLiteStatus tfp_read_recurrent_weights(TfLiteContext *context, const tfp_node *node,
                                        const tfp_recurrent_options *options,
                                        tfp_recurrent_weights *weights);

/* Gives every sparse matrix its numbers, in memory that the caller releases. */
TfLiteStatus tfp_expand_recurrent_weights(TfLiteContext *context, const tfp_node *node,
                                          tfp_recurrent_weights *weights, void **memory);

#endif
