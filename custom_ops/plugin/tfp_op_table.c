#include "tfp_op_table.h"

#include <string.h>

#include "../kernels/common/tfp_assert.h"
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
  bool (*is_faster)(TfLiteContext *context, const TfLiteNode *node, const tfp_variant *variant);
  tfp_op op;
} builtins[] = {{.code = kTfLiteBuiltinFullyConnected,
                 .is_faster = tfp_accelerates_fully_connected,
                 .op = {.name = "FULLY_CONNECTED", .kind = &tfp_builtin_fully_connected_kind}}};

static bool is_accelerated(TfLiteContext *context, const TfLiteNode *node, int32_t code,
                           const tfp_options *options, tfp_op *op) {
  for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; ++i) {
    char ignored[TFP_ERROR_BYTES];
    if (code != builtins[i].code || !builtins[i].is_faster(context, node, options->variant) ||
        !tfp_tensors_are_valid(context, node->inputs, node->outputs, ignored, sizeof ignored)) {
      continue;
    }
    *op = builtins[i].op;
    return true;
  }
  return false;
}

bool tfp_op_of_node(TfLiteContext *context, const TfLiteNode *node,
                    const TfLiteRegistration *registration, const tfp_options *options,
                    tfp_op *op) {
  const int32_t code = registration->builtin_code;
  if (code != kTfLiteBuiltinCustom) {
    return options->accelerate_builtin && is_accelerated(context, node, code, options, op);
  }
  return registration->custom_name != NULL && tfp_op_by_name(registration->custom_name, op);
}
