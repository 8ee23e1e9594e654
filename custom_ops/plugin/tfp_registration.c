#include "tfp_registration.h"

#include "tfp_delegate.h"
#include "tfp_node_tensors.h"
#include "tfp_op_table.h"

static void *init_by_delegate(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  const TfLiteDelegateParams *params = (const TfLiteDelegateParams *)(const void *)buffer;
  if (params == NULL || params->nodes_to_replace == NULL || params->nodes_to_replace->size != 1) {
    return NULL;
  }
  TfLiteNode *original = NULL;
  TfLiteRegistration *registration = NULL;
  const int index = params->nodes_to_replace->data[0];
  const tfp_delegate *delegate = tfp_delegate_of(params->delegate);
  tfp_op op;
  if (delegate == NULL ||
      context->GetNodeAndRegistration(context, index, &original, &registration) != kTfLiteOk ||
      !tfp_op_of_node(context, original, registration, &delegate->options, &op)) {
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
  if (node == NULL) {
    context->ReportError(context, "tfpipeline: a node could not be set up: out of memory?");
    return kTfLiteError;
  }
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

static TfLiteStatus prepare_registered(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node != NULL) tfp_node_copy_tensors(node, tflite_node);
  return prepare_node(context, tflite_node);
}

static TfLiteStatus invoke_node(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node == NULL) return kTfLiteError;
  if (!node->prepared || !tfp_sizes_are_kept(context, node)) {
    return tfp_node_error(context, node,
                          "a tensor has not the size of prepare: allocate tensors again");
  }
  tfp_pool_settle(&node->parallel);
  return node->op.kind->invoke(context, node);
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
