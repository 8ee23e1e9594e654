/* The one table of ops: the recurrent ones in the order of their cells, then the others. */
#ifndef TFP_OP_TABLE_H_
#define TFP_OP_TABLE_H_

#include "tfp_node.h"

size_t tfp_op_count(void);
tfp_op tfp_op_get(size_t i);

/* These return whether there is such an op. */
bool tfp_op_by_name(const char *name, tfp_op *op);
bool tfp_op_by_options(const void *custom_options, size_t size, tfp_op *op);

/* The op that runs a node of a graph, if it is one of ours: a custom op by its name, and a builtin
 * one that `options` ask for and that our kernels run faster. */
bool tfp_op_of_node(TfLiteContext *context, const TfLiteNode *node,
                    const TfLiteRegistration *registration, const tfp_options *options, tfp_op *op);

/* The name of a builtin op that `options` ask for, but that the node is left to the runtime with:
 * `error` says why. NULL for other nodes. */
const char *tfp_op_left_alone(TfLiteContext *context, const TfLiteNode *node,
                              const TfLiteRegistration *registration, const tfp_options *options,
                              char *error, size_t error_size);

#endif
