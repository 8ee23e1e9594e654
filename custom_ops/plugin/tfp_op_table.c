#include "tfp_op_table.h"

#include <string.h>

#include "../kernels/common/tfp_assert.h"
#include "builtin_lstm/tfp_builtin_lstm_plan.h"
#include "fully_connected/tfp_builtin_fully_connected.h"
#include "tfp_node_kinds.h"
#include "tfp_node_tensors.h"

#define ROW(text, bytes, of_kind) {.name = "tfpipeline." #text, .magic = bytes, .kind = &of_kind},
static const tfp_op plain_ops[] = {TFP_PLAIN_OPS(ROW)};
#undef ROW

size_t tfp_op_count(void) {
  return tfp_cell_count() + sizeof plain_ops / sizeof plain_ops[0];
}

tfp_op tfp_op_get(size_t i) {
  TFP_ASSERT(i < tfp_op_count());
  const size_t cells = tfp_cell_count();
  if (i >= cells) return plain_ops[i - cells];
  const tfp_cell *cell = tfp_cell_get(i);
  return (tfp_op){
      .name = cell->name, .magic = cell->magic, .kind = &tfp_recurrent_kind, .cell = cell};
}

bool tfp_op_by_name(const char *name, tfp_op *op) {
  for (size_t i = 0; i < tfp_op_count(); ++i) {
    *op = tfp_op_get(i);
    if (strcmp(name, op->name) == 0) return true;
  }
  return false;
}

bool tfp_op_by_options(const void *custom_options, size_t size, tfp_op *op) {
  for (size_t i = 0; custom_options != NULL && size >= 4 && i < tfp_op_count(); ++i) {
    *op = tfp_op_get(i);
    if (memcmp(custom_options, op->magic, 4) == 0) return true;
  }
  return false;
}

/* Builtin ops that the delegate may take over. */
static const struct builtin {
  int32_t code;
  /* Otherwise it writes a sentence that says why the node stays with the runtime. */
  bool (*is_faster)(TfLiteContext *context, const TfLiteNode *node, const tfp_options *options,
                    char *error, size_t error_size);
  tfp_op op;
} builtins[] = {{.code = kTfLiteBuiltinFullyConnected,
                 .is_faster = tfp_accelerates_fully_connected,
                 .op = {.name = "FULLY_CONNECTED", .kind = &tfp_builtin_fully_connected_kind}},
                {.code = kTfLiteBuiltinUnidirectionalSequenceLstm,
                 .is_faster = tfp_accelerates_builtin_lstm,
                 .op = {.name = "UNIDIRECTIONAL_SEQUENCE_LSTM", .kind = &tfp_builtin_lstm_kind}}};

static const struct builtin *builtin_of(int32_t code) {
  for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; ++i) {
    if (code == builtins[i].code) return &builtins[i];
  }
  return NULL;
}

static bool is_accelerated(TfLiteContext *context, const TfLiteNode *node,
                           const struct builtin *builtin, const tfp_options *options, char *error,
                           size_t error_size) {
  return builtin->is_faster(context, node, options, error, error_size) &&
         tfp_tensors_are_valid(context, node->inputs, node->outputs, error, error_size);
}

bool tfp_op_of_node(TfLiteContext *context, const TfLiteNode *node,
                    const TfLiteRegistration *registration, const tfp_options *options,
                    tfp_op *op) {
  const int32_t code = registration->builtin_code;
  if (code == kTfLiteBuiltinCustom) {
    return registration->custom_name != NULL && tfp_op_by_name(registration->custom_name, op);
  }
  char ignored[TFP_ERROR_BYTES];
  const struct builtin *builtin =
      options->accelerate_builtin != kTfpLeave ? builtin_of(code) : NULL;
  if (builtin == NULL ||
      !is_accelerated(context, node, builtin, options, ignored, sizeof ignored)) {
    return false;
  }
  *op = builtin->op;
  return true;
}

const char *tfp_op_left_alone(TfLiteContext *context, const TfLiteNode *node,
                              const TfLiteRegistration *registration, const tfp_options *options,
                              char *error, size_t error_size) {
  const struct builtin *builtin =
      options->accelerate_builtin != kTfpLeave ? builtin_of(registration->builtin_code) : NULL;
  if (builtin == NULL || is_accelerated(context, node, builtin, options, error, error_size)) {
    return NULL;
  }
  return builtin->op.name;
}
