/* Nodes that run one after the other as one node of the runtime: an op of ours, and what stands
 * around it in a model of int8. A call of a small stream is mostly the runtime's way from node to
 * node, which a chain saves. */
#ifndef TFP_CHAIN_H_
#define TFP_CHAIN_H_

#include "../tfp_node.h"

enum { TFP_MAX_CHAIN = 12 };

/* Fills `nodes` (space for TFP_MAX_CHAIN) with the node `index` of one of our ops and those that
 * run with it: the QUANTIZE that makes its x, and where nobody else reads its y, the
 * FULLY_CONNECTED, DEQUANTIZE or op of ours that does, and so on. Only the node where the options
 * ask for no chains. */
TfLiteStatus tfp_find_chain(TfLiteContext *context, const tfp_options *options, int index,
                            TfLiteIntArray *nodes);

/* The op that runs a node in a chain: as tfp_op_of_node, and the builtin ones above. */
bool tfp_op_in_chain(TfLiteContext *context, const TfLiteNode *node,
                     const TfLiteRegistration *registration, const tfp_options *options,
                     tfp_op *op);

/* A node that runs `count` nodes, which become its own; NULL, and they are freed, where there is no
 * memory. `params` say which tensors others see: the rest becomes the node's temporaries. */
tfp_node *tfp_chain_new(tfp_node *const *nodes, int count, const TfLiteDelegateParams *params,
                        const tfp_options *options);

/* Asks the runtime for memory of the tensors inside of a chain; nothing for other nodes. */
TfLiteStatus tfp_chain_take_temporaries(const tfp_node *node, TfLiteNode *tflite_node);

#endif
