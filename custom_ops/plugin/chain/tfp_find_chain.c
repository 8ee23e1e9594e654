/* Which nodes run as one: looks from one of our ops to both sides. */
#include "../../kernels/common/tfp_assert.h"
#include "../fully_connected/tfp_builtin_fully_connected.h"
#include "../tfp_node_kinds.h"
#include "../tfp_node_tensors.h"
#include "../tfp_op_table.h"
#include "../tfp_tensor.h"
#include "tfp_chain.h"
#include "tfp_quantize_node.h"

/* A node of the plan. */
typedef struct place {
  int index;
  const TfLiteNode *node;
  const TfLiteRegistration *registration;
} place;

static bool get(TfLiteContext *context, int index, place *found) {
  TfLiteNode *node = NULL;
  TfLiteRegistration *registration = NULL;
  if (context->GetNodeAndRegistration(context, index, &node, &registration) != kTfLiteOk ||
      node == NULL || registration == NULL || node->inputs == NULL || node->outputs == NULL) {
    return false;
  }
  *found = (place){index, node, registration};
  return true;
}

/* Of a FULLY_CONNECTED node: int8 in and out, and a bias whose scale is known. Others are left to
 * the runtime, whose bits ours would not be. */
static bool has_bits_of_xnnpack(TfLiteContext *context, const TfLiteNode *node) {
  if (node->inputs->size < 2 || node->outputs->size != 1) return false;
  const TfLiteTensor *x = tfp_tensor_at(context, node->inputs->data[0]);
  const TfLiteTensor *y = tfp_tensor_at(context, node->outputs->data[0]);
  const TfLiteTensor *bias =
      node->inputs->size > 2 ? tfp_tensor_at(context, node->inputs->data[2]) : NULL;
  return x != NULL && x->type == kTfLiteInt8 && y != NULL && y->type == kTfLiteInt8 &&
         (bias == NULL || tfp_affine_quantization(bias) != NULL);
}

static bool is_in_chain(TfLiteContext *context, int32_t code, const TfLiteNode *node,
                        const tfp_options *options, tfp_op *op) {
  char ignored[TFP_ERROR_BYTES];
  if (!tfp_tensors_are_valid(context, node->inputs, node->outputs, ignored, sizeof ignored)) {
    return false;
  }
  switch (code) {
    case kTfLiteBuiltinQuantize:
      *op = (tfp_op){.name = "QUANTIZE", .kind = &tfp_quantize_kind};
      return tfp_quantize_is_read(context, node, true);
    case kTfLiteBuiltinDequantize:
      *op = (tfp_op){.name = "DEQUANTIZE", .kind = &tfp_dequantize_kind};
      return tfp_quantize_is_read(context, node, false);
    case kTfLiteBuiltinFullyConnected:
      *op = (tfp_op){.name = "FULLY_CONNECTED", .kind = &tfp_builtin_fully_connected_kind};
      return has_bits_of_xnnpack(context, node) &&
             tfp_runs_fully_connected(context, node, options->variant, ignored, sizeof ignored);
    default:
      return false;
  }
}

bool tfp_op_in_chain(TfLiteContext *context, const TfLiteNode *node,
                     const TfLiteRegistration *registration, const tfp_options *options,
                     tfp_op *op) {
  return tfp_op_of_node(context, node, registration, options, op) ||
         (options->chains && is_in_chain(context, registration->builtin_code, node, options, op));
}

static bool holds(const TfLiteIntArray *indices, int index) {
  for (int i = 0; i < indices->size; ++i) {
    if (indices->data[i] == index) return true;
  }
  return false;
}

/* The QUANTIZE that makes a tensor. */
static bool find_quantize(TfLiteContext *context, const TfLiteIntArray *plan, int tensor,
                          place *found) {
  for (int i = 0; i < plan->size; ++i) {
    if (get(context, plan->data[i], found) && holds(found->node->outputs, tensor)) {
      return found->registration->builtin_code == kTfLiteBuiltinQuantize;
    }
  }
  return false;
}

/* The only node that reads a tensor, as its first input. */
static bool find_reader(TfLiteContext *context, const TfLiteIntArray *plan, int tensor,
                        place *found) {
  int readers = 0;
  place candidate;
  for (int i = 0; i < plan->size; ++i) {
    if (!get(context, plan->data[i], &candidate) || !holds(candidate.node->inputs, tensor)) {
      continue;
    }
    *found = candidate;
    ++readers;
  }
  return readers == 1 && found->node->inputs->data[0] == tensor;
}

TfLiteStatus tfp_find_chain(TfLiteContext *context, const tfp_options *options, int index,
                            TfLiteIntArray *nodes) {
  nodes->size = 0;
  place at, next;
  TfLiteIntArray *plan = NULL;
  if (!get(context, index, &at) || context->GetExecutionPlan(context, &plan) != kTfLiteOk ||
      plan == NULL) {
    return kTfLiteError;
  }
  tfp_op op;
  if (options->chains && at.node->inputs->size > 0 &&
      find_quantize(context, plan, at.node->inputs->data[0], &next) &&
      tfp_op_in_chain(context, next.node, next.registration, options, &op)) {
    nodes->data[nodes->size++] = next.index;
  }
  nodes->data[nodes->size++] = index;
  while (options->chains && nodes->size < TFP_MAX_CHAIN && at.node->outputs->size > 0 &&
         find_reader(context, plan, at.node->outputs->data[0], &next) &&
         next.registration->builtin_code != kTfLiteBuiltinQuantize &&
         tfp_op_in_chain(context, next.node, next.registration, options, &op)) {
    nodes->data[nodes->size++] = next.index;
    at = next;
  }
  TFP_ASSERT(nodes->size >= 1 && nodes->size <= TFP_MAX_CHAIN);
  return kTfLiteOk;
}
