/* Reads a node of tfpipeline.fully_connected. */
#ifndef TFP_FULLY_CONNECTED_READ_H_
#define TFP_FULLY_CONNECTED_READ_H_

#include "tfp_fully_connected_plan.h"

/* Fills a plan of zeros; on failure writes one sentence and returns false. */
bool tfp_read_fully_connected(TfLiteContext *context, const tfp_node *node,
                              tfp_fully_connected_plan *plan, char *error, size_t error_size);

/* What the builtin op shares: fills the plan from tensors, after the caller set the shape of the
 * weights, the activation and keep_dims. On failure writes one sentence and returns false. */
bool tfp_read_fully_connected_tensors(const tfp_fully_connected_tensors *t,
                                      tfp_fully_connected_plan *plan, char *error,
                                      size_t error_size);

#endif
