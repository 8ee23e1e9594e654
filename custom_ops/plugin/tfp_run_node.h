/* Preparing and running a node, whoever asks: the runtime, or a chain that the node is in. */
#ifndef TFP_RUN_NODE_H_
#define TFP_RUN_NODE_H_

#include "tfp_node.h"

TfLiteStatus tfp_prepare_node(TfLiteContext *context, tfp_node *node);
TfLiteStatus tfp_invoke_node(TfLiteContext *context, tfp_node *node);

#endif
