#include "tfp_run_node.h"

#include "tfp_node_tensors.h"

TfLiteStatus tfp_prepare_node(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  node->prepared = false;
  if (!tfp_node_is_valid(context, node, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  const TfLiteStatus status = node->op.kind->prepare(context, node);
  if (status != kTfLiteOk) return status;
  if (!tfp_constants_are_complete(context, node, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  tfp_keep_sizes(context, node);
  node->prepared = true;
  return kTfLiteOk;
}

TfLiteStatus tfp_invoke_node(TfLiteContext *context, tfp_node *node) {
  if (!node->prepared || !tfp_sizes_are_kept(context, node)) {
    return tfp_node_error(context, node,
                          "a tensor has not the size of prepare: allocate tensors again");
  }
  tfp_pool_settle(&node->parallel);
  return node->op.kind->invoke(context, node);
}
