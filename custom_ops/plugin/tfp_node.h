/* One node of a graph that runs one of our ops, and the table of ops.
 *
 * A node comes in by a delegate (its own inputs are then sorted, so the original order is kept
 * here) or by static registration; an op sees no difference. */
#ifndef TFP_NODE_H_
#define TFP_NODE_H_

#include "../ops/recurrent/tfp_cell.h"
#include "tfp_options.h"
#include "tfp_pool.h"
#include "tfp_tflite_abi.h"

enum { TFP_MAX_NODE_TENSORS = 16, TFP_ERROR_BYTES = 320 };

struct tfp_node;

typedef struct tfp_op {
  const char *name; /* custom op name, "tfpipeline.gru" */
  bool threaded;    /* whether it uses more than one thread */
  /* Checks the node, resizes its outputs, and packs its weights into node->state. */
  TfLiteStatus (*prepare)(TfLiteContext *context, struct tfp_node *node);
  TfLiteStatus (*invoke)(TfLiteContext *context, struct tfp_node *node);
  void (*release)(void *state);
  const tfp_cell *cell; /* of a recurrent op, else NULL */
} tfp_op;

typedef struct tfp_node {
  const tfp_op *op;
  tfp_options options;
  tfp_parallel parallel;
  int index;     /* in the graph; -1 when not known */
  bool prepared; /* and nothing failed */
  int input_count;
  int inputs[TFP_MAX_NODE_TENSORS];
  size_t input_bytes[TFP_MAX_NODE_TENSORS]; /* after prepare */
  int output_count;
  int outputs[TFP_MAX_NODE_TENSORS];
  size_t output_bytes[TFP_MAX_NODE_TENSORS];
  const void *custom_data; /* belongs to the model */
  size_t custom_size;
  const void *builtin_data; /* likewise */
  void *state;              /* of the op */
} tfp_node;

extern const tfp_op tfp_op_gru;
extern const tfp_op tfp_op_fully_connected;
extern const tfp_op tfp_op_builtin_fully_connected;
extern const tfp_op tfp_op_lstm;
extern const tfp_op tfp_op_factored_fully_connected;

/* The op that runs a node of a graph, or NULL where it is none of ours. */
const tfp_op *tfp_find_op(TfLiteContext *context, const TfLiteNode *node,
                          const TfLiteRegistration *registration, const tfp_options *options);

/* Whether a FULLY_CONNECTED node is one that our kernels run, and run faster. */
bool tfp_accelerates_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                                     const tfp_variant *variant);

/* A registration of `op` for a delegate (init gets TfLiteDelegateParams) or for a resolver. */
TfLiteRegistration tfp_delegate_registration(const tfp_op *op);
TfLiteRegistration tfp_static_registration(const tfp_op *op);

/* Options that a delegate created by this library carries, or NULL when it is another's. */
const tfp_options *tfp_delegate_options(const TfLiteDelegate *delegate);
tfp_parallel tfp_delegate_parallel(const TfLiteDelegate *delegate);

/* Reports "<op> (node <index>): <message>" and returns kTfLiteError. */
TfLiteStatus tfp_node_error(TfLiteContext *context, const tfp_node *node, const char *format, ...)
#if defined(__GNUC__) || defined(__clang__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The tensor of input or output `i`, or NULL when it is optional and left out, or out of range. */
TfLiteTensor *tfp_node_input(TfLiteContext *context, const tfp_node *node, int i);
TfLiteTensor *tfp_node_output(TfLiteContext *context, const tfp_node *node, int i);

#endif
