#include "tfp_registration.h"

#include "chain/tfp_chain.h"
#include "tfp_delegate.h"
#include "tfp_op_table.h"
#include "tfp_run_node.h"

/* One node of those that the delegate claimed. */
static tfp_node *claimed_node(TfLiteContext *context, const tfp_delegate *delegate, int index) {
  TfLiteNode *original = NULL;
  TfLiteRegistration *registration = NULL;
  tfp_op op;
  if (context->GetNodeAndRegistration(context, index, &original, &registration) != kTfLiteOk ||
      !tfp_op_in_chain(context, original, registration, &delegate->options, &op)) {
    return NULL;
  }
  tfp_node *node = tfp_node_new(&op, &delegate->options);
  if (node == NULL) return NULL;
  node->parallel = tfp_pool_parallel(delegate->pool);
  node->index = index;
  node->builtin_data = original->builtin_data;
  node->custom_data = original->custom_initial_data;
  node->custom_size =
      original->custom_initial_data_size > 0 ? (size_t)original->custom_initial_data_size : 0;
  tfp_node_copy_tensors(node, original);
  return node;
}

static void *init_by_delegate(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  const TfLiteDelegateParams *params = (const TfLiteDelegateParams *)(const void *)buffer;
  const tfp_delegate *delegate = params != NULL ? tfp_delegate_of(params->delegate) : NULL;
  if (delegate == NULL || params->nodes_to_replace == NULL) return NULL;
  const int count = params->nodes_to_replace->size;
  if (count < 1 || count > TFP_MAX_CHAIN) return NULL;
  tfp_node *nodes[TFP_MAX_CHAIN];
  for (int i = 0; i < count; ++i) {
    nodes[i] = claimed_node(context, delegate, params->nodes_to_replace->data[i]);
    if (nodes[i] != NULL) continue;
    while (i > 0) tfp_node_free(nodes[--i]);
    return NULL;
  }
  return count == 1 ? nodes[0] : tfp_chain_new(nodes, count, params, &delegate->options);
}

/* A node whose options are those of no op: prepare says so, because init cannot. */
static TfLiteStatus refuse(TfLiteContext *context, tfp_node *node) {
  return tfp_node_error(context, node, "custom_options are not those of any op here (%lu bytes)",
                        (unsigned long)node->custom_size);
}

static void release_nothing(void *state) {
  (void)state;
}

static const tfp_node_kind unknown_kind = {
    .prepare = refuse, .invoke = refuse, .release = release_nothing};

static void *init_by_options(TfLiteContext *context, const char *buffer, size_t length) {
  (void)context;
  const tfp_options options = tfp_options_default();
  tfp_op op;
  if (!tfp_op_by_options(buffer, length, &op)) {
    op = (tfp_op){.name = "tfpipeline", .kind = &unknown_kind};
  }
  tfp_node *node = tfp_node_new(&op, &options);
  if (node == NULL) return NULL;
  node->custom_data = buffer;
  node->custom_size = length;
  return node;
}

static void free_node(TfLiteContext *context, void *node) {
  (void)context;
  tfp_node_free(node);
}

static TfLiteStatus prepare_node(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node == NULL || tfp_chain_take_temporaries(node, tflite_node) != kTfLiteOk) {
    context->ReportError(context, "tfpipeline: a node could not be set up: out of memory?");
    return kTfLiteError;
  }
  return tfp_prepare_node(context, node);
}

static TfLiteStatus prepare_registered(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node != NULL) tfp_node_copy_tensors(node, tflite_node);
  return prepare_node(context, tflite_node);
}

static TfLiteStatus invoke_node(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  return node != NULL ? tfp_invoke_node(context, node) : kTfLiteError;
}

static const char *profiling_string(const TfLiteContext *context, const TfLiteNode *tflite_node) {
  (void)context;
  const tfp_node *node = tflite_node->user_data;
  return node != NULL ? node->options.variant->name : NULL;
}

TfLiteRegistration tfp_delegate_registration(const tfp_op *op) {
  return (TfLiteRegistration){
      .init = init_by_delegate,
      .free = free_node,
      .prepare = prepare_node,
      .invoke = invoke_node,
      .profiling_string = profiling_string,
      .builtin_code = kTfLiteBuiltinDelegate,
      .custom_name = op->name,
      .version = 1,
  };
}

TfLiteRegistration tfp_static_registration(const tfp_op *op) {
  TfLiteRegistration registration = tfp_delegate_registration(op);
  registration.init = init_by_options;
  registration.prepare = prepare_registered;
  registration.builtin_code = kTfLiteBuiltinCustom;
  return registration;
}
