/* One node of a graph that runs one of our ops.
 *
 * A node comes in by a delegate (its own inputs are then sorted, so the original order is kept
 * here) or by static registration; an op sees no difference. */
#ifndef TFP_NODE_H_
#define TFP_NODE_H_

#include "../ops/recurrent/tfp_cell.h"
#include "tfp_options.h"
#include "tfp_pool.h"
#include "tfp_tflite_abi.h"

enum { TFP_MAX_NODE_TENSORS = 24, TFP_MAX_INTERMEDIATES = 5 };

struct tfp_node;

/* How nodes of one kind run: ops may share it, as all recurrent ones do. */
typedef struct tfp_node_kind {
  bool threaded; /* whether it uses more than one thread */
  /* Checks the node, resizes its outputs, and packs its weights into node->state. */
  TfLiteStatus (*prepare)(TfLiteContext *context, struct tfp_node *node);
  TfLiteStatus (*invoke)(TfLiteContext *context, struct tfp_node *node);
  void (*release)(void *state); /* NULL too */
  /* Whether prepare reads input `input` by its sparsity; NULL: none. */
  bool (*may_be_sparse)(const struct tfp_node *node, int input);
} tfp_node_kind;

typedef struct tfp_op {
  const char *name;  /* custom op name, "tfpipeline.gru" */
  const char *magic; /* the first four bytes of its options; NULL for a builtin, which has none */
  const tfp_node_kind *kind;
  const tfp_cell *cell; /* of a recurrent op, else NULL */
} tfp_op;

typedef struct tfp_node {
  tfp_op op;
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
  int intermediate_count;
  int intermediates[TFP_MAX_INTERMEDIATES]; /* tensors that only say how numbers are quantized */
  const void *custom_data;                  /* belongs to the model */
  size_t custom_size;
  const void *builtin_data; /* likewise */
  void *state;              /* of the kind */
} tfp_node;

/* A node without tensors, or NULL where there is no memory. */
tfp_node *tfp_node_new(const tfp_op *op, const tfp_options *options);
void tfp_node_free(tfp_node *node);

/* Takes over the indices of the runtime's node, in their order. */
void tfp_node_copy_tensors(tfp_node *node, const TfLiteNode *from);

/* Reports "<op> (node <index>): <message>" and returns kTfLiteError. */
TfLiteStatus tfp_node_error(TfLiteContext *context, const tfp_node *node, const char *format, ...)
#if defined(__GNUC__) || defined(__clang__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The tensor of input or output `i`, or NULL when it is optional and left out, or out of range. */
TfLiteTensor *tfp_node_input(const TfLiteContext *context, const tfp_node *node, int i);
TfLiteTensor *tfp_node_output(const TfLiteContext *context, const tfp_node *node, int i);

#endif
