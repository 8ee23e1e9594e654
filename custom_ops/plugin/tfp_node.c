#include "tfp_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kernels/common/tfp_assert.h"
#include "tfp_tensor.h"

tfp_node *tfp_node_new(const tfp_op *op, const tfp_options *options) {
  TFP_ASSERT(op->name != NULL && op->kind != NULL && options->variant != NULL);
  tfp_node *node = calloc(1, sizeof *node);
  if (node == NULL) return NULL;
  node->op = *op;
  node->options = *options;
  node->parallel.threads = 1;
  node->index = -1;
  return node;
}

void tfp_node_free(tfp_node *node) {
  if (node == NULL) return;
  node->op.kind->release(node->state);
  free(node);
}

/* A count beyond the limit is kept, so that prepare refuses it; the rest is not read. */
static int copy_indices(const TfLiteIntArray *from, int *to, int most) {
  if (from == NULL) return 0;
  const int kept = from->size < most ? from->size : most;
  for (int i = 0; i < kept; ++i) to[i] = from->data[i];
  return from->size;
}

void tfp_node_copy_tensors(tfp_node *node, const TfLiteNode *from) {
  node->input_count = copy_indices(from->inputs, node->inputs, TFP_MAX_NODE_TENSORS);
  node->output_count = copy_indices(from->outputs, node->outputs, TFP_MAX_NODE_TENSORS);
  node->intermediate_count =
      copy_indices(from->intermediates, node->intermediates, TFP_MAX_INTERMEDIATES);
}

TfLiteStatus tfp_node_error(TfLiteContext *context, const tfp_node *node, const char *format, ...) {
  char message[TFP_ERROR_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  context->ReportError(context, "%s (node %d): %s.", node->op.name, node->index, message);
  return kTfLiteError;
}

TfLiteTensor *tfp_node_input(const TfLiteContext *context, const tfp_node *node, int i) {
  TFP_ASSERT(i >= 0);
  return i < node->input_count ? tfp_tensor_at(context, node->inputs[i]) : NULL;
}

TfLiteTensor *tfp_node_output(const TfLiteContext *context, const tfp_node *node, int i) {
  TFP_ASSERT(i >= 0);
  return i < node->output_count ? tfp_tensor_at(context, node->outputs[i]) : NULL;
}
