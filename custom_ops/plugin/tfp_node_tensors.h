/* What every op relies on in its node's tensors, whatever the model says of them. */
#ifndef TFP_NODE_TENSORS_H_
#define TFP_NODE_TENSORS_H_

#include "tfp_node.h"

/* Whether outputs are tensors that may be written, each of its own, and constants lie where their
 * type may be read. Otherwise writes one sentence. Indices out of range are left to the op. */
bool tfp_tensors_are_valid(const TfLiteContext *context, const TfLiteIntArray *inputs,
                           const TfLiteIntArray *outputs, char *error, size_t error_size);
bool tfp_node_is_valid(const TfLiteContext *context, const tfp_node *node, char *error,
                       size_t error_size);

/* Whether constants hold as many bytes as their shapes say: ops read x by its shape, and it may be
 * a constant too. For after prepare, which has checked weights by name. */
bool tfp_constants_are_complete(const TfLiteContext *context, const tfp_node *node, char *error,
                                size_t error_size);

/* Keeps the tensors' sizes after prepare, and says whether they are at least as large still: two
 * nodes of a broken model may give different sizes to one tensor. */
void tfp_keep_sizes(const TfLiteContext *context, tfp_node *node);
bool tfp_sizes_are_kept(const TfLiteContext *context, const tfp_node *node);

#endif
