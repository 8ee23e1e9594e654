#include "tfp_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tfp_node_tensors.h"

/* The one list of ops: a new op is a new line here, and a file with its tfp_op. */
static const tfp_op *const ops[] = {&tfp_op_gru, &tfp_op_lstm, &tfp_op_fully_connected,
                                    &tfp_op_factored_fully_connected};

const tfp_op *tfp_find_op(TfLiteContext *context, const TfLiteNode *node,
                          const TfLiteRegistration *registration, const tfp_options *options) {
  const char *name = registration->custom_name;
  if (registration->builtin_code == kTfLiteBuiltinFullyConnected) {
    char ignored[TFP_ERROR_BYTES];
    const bool ours =
        options->accelerate_builtin &&
        tfp_accelerates_fully_connected(context, node, options->variant) &&
        tfp_tensors_are_sound(context, node->inputs, node->outputs, ignored, sizeof ignored);
    return ours ? &tfp_op_builtin_fully_connected : NULL;
  }
  if (registration->builtin_code != kTfLiteBuiltinCustom || name == NULL) return NULL;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; ++i) {
    if (strcmp(name, ops[i]->name) == 0) return ops[i];
  }
  return NULL;
}

TfLiteStatus tfp_node_error(TfLiteContext *context, const tfp_node *node, const char *format, ...) {
  char message[TFP_ERROR_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  context->ReportError(context, "%s (node %d): %s.", node->op->name, node->index, message);
  return kTfLiteError;
}

static TfLiteTensor *tensor_at(TfLiteContext *context, int index) {
  if (index < 0 || (size_t)index >= context->tensors_size) return NULL;
  return &context->tensors[index];
}

TfLiteTensor *tfp_node_input(TfLiteContext *context, const tfp_node *node, int i) {
  return i < node->input_count ? tensor_at(context, node->inputs[i]) : NULL;
}

TfLiteTensor *tfp_node_output(TfLiteContext *context, const tfp_node *node, int i) {
  return i < node->output_count ? tensor_at(context, node->outputs[i]) : NULL;
}

/* A count beyond the limit is kept, so that prepare refuses it; the rest is not read. */
static int copy_indices(const TfLiteIntArray *from, int *to) {
  if (from == NULL) return 0;
  const int kept = from->size < TFP_MAX_NODE_TENSORS ? from->size : TFP_MAX_NODE_TENSORS;
  for (int i = 0; i < kept; ++i) to[i] = from->data[i];
  return from->size;
}

static void copy_tensors(tfp_node *node, const TfLiteNode *from) {
  node->input_count = copy_indices(from->inputs, node->inputs);
  node->output_count = copy_indices(from->outputs, node->outputs);
}

static tfp_node *new_node(const tfp_op *op, const tfp_options *options) {
  tfp_node *node = calloc(1, sizeof *node);
  if (node == NULL) return NULL;
  node->op = op;
  node->options = *options;
  node->parallel.threads = 1;
  node->index = -1;
  return node;
}

static void *init_by_delegate(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  const TfLiteDelegateParams *params = (const TfLiteDelegateParams *)(const void *)buffer;
  if (params == NULL || params->nodes_to_replace == NULL || params->nodes_to_replace->size != 1) {
    return NULL;
  }
  TfLiteNode *original = NULL;
  TfLiteRegistration *registration = NULL;
  const int index = params->nodes_to_replace->data[0];
  const tfp_options *options = tfp_delegate_options(params->delegate);
  if (options == NULL ||
      context->GetNodeAndRegistration(context, index, &original, &registration) != kTfLiteOk) {
    return NULL;
  }
  const tfp_op *op = tfp_find_op(context, original, registration, options);
  tfp_node *node = op != NULL ? new_node(op, options) : NULL;
  if (node == NULL) return NULL;
  node->parallel = tfp_delegate_parallel(params->delegate);
  node->index = index;
  node->builtin_data = original->builtin_data;
  node->custom_data = original->custom_initial_data;
  node->custom_size =
      original->custom_initial_data_size > 0 ? (size_t)original->custom_initial_data_size : 0;
  copy_tensors(node, original);
  return node;
}

static void free_node(TfLiteContext *context, void *buffer) {
  (void)context;
  tfp_node *node = buffer;
  if (node == NULL) return;
  node->op->release(node->state);
  free(node);
}

static TfLiteStatus prepare_node(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node == NULL) {
    context->ReportError(context, "tfpipeline: a node could not be set up: out of memory?");
    return kTfLiteError;
  }
  char error[TFP_ERROR_BYTES];
  node->prepared = false;
  if (!tfp_node_is_sound(context, node, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  const TfLiteStatus status = node->op->prepare(context, node);
  if (status != kTfLiteOk) return status;
  if (!tfp_constants_are_whole(context, node, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  tfp_keep_sizes(context, node);
  node->prepared = true;
  return kTfLiteOk;
}

static TfLiteStatus prepare_registered(TfLiteContext *context, TfLiteNode *tflite_node) {
  tfp_node *node = tflite_node->user_data;
  if (node != NULL) copy_tensors(node, tflite_node);
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
  return node->op->invoke(context, node);
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

static void *init_registered(const tfp_op *op, const char *buffer, size_t length) {
  const tfp_options options = tfp_options_default();
  tfp_node *node = new_node(op, &options);
  if (node == NULL) return NULL;
  node->custom_data = buffer;
  node->custom_size = length;
  return node;
}

/* A static init learns nothing of its op but by being the op's own function. */
static void *init_registered_gru(TfLiteContext *context, const char *buffer, size_t length) {
  (void)context;
  return init_registered(&tfp_op_gru, buffer, length);
}

static void *init_registered_lstm(TfLiteContext *context, const char *buffer, size_t length) {
  (void)context;
  return init_registered(&tfp_op_lstm, buffer, length);
}

static void *init_registered_fully_connected(TfLiteContext *context, const char *buffer,
                                             size_t length) {
  (void)context;
  return init_registered(&tfp_op_fully_connected, buffer, length);
}

static void *init_registered_factored(TfLiteContext *context, const char *buffer, size_t length) {
  (void)context;
  return init_registered(&tfp_op_factored_fully_connected, buffer, length);
}

TfLiteRegistration tfp_static_registration(const tfp_op *op) {
  TfLiteRegistration registration = tfp_delegate_registration(op);
  registration.init = op == &tfp_op_gru                        ? init_registered_gru
                      : op == &tfp_op_lstm                     ? init_registered_lstm
                      : op == &tfp_op_factored_fully_connected ? init_registered_factored
                                                               : init_registered_fully_connected;
  registration.prepare = prepare_registered;
  registration.builtin_code = kTfLiteBuiltinCustom;
  return registration;
}
