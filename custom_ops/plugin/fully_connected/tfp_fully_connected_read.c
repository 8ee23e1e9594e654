#include "tfp_fully_connected_read.h"

#include <stdio.h>

#include "../../ops/fully_connected/tfp_fully_connected_options.h"
#include "tfp_fully_connected_u8_plan.h"

enum { kX, kWeights, kBias };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

bool tfp_read_fully_connected_tensors(const tfp_fully_connected_tensors *t,
                                      tfp_fully_connected_plan *plan, char *error,
                                      size_t error_size) {
  if (t->x == NULL || t->weights == NULL || t->y == NULL) REFUSE("a tensor is missing");
  plan->shape.is_float = t->x->type == kTfLiteFloat32;
  plan->is_unsigned = t->x->type == kTfLiteUInt8;
  if (t->x->type != kTfLiteInt8 && !plan->is_unsigned && !plan->shape.is_float) {
    REFUSE("x must be int8, uint8 or float32; got type %d", (int)t->x->type);
  }
  const bool is_raw = plan->is_unsigned && !plan->is_builtin && t->y->type == kTfLiteInt32;
  if (t->y->type != t->x->type && !is_raw)
    REFUSE("y must have the type of x; got type %d", (int)t->y->type);
  if (!tfp_read_batch(t->x, plan, error, error_size) ||
      !tfp_read_weights(t->weights, plan, error, error_size) ||
      !tfp_read_bias(t->bias, plan, error, error_size)) {
    return false;
  }
  if (plan->is_unsigned) return tfp_read_fully_connected_u8(t, plan, error, error_size);
  if (!plan->shape.is_float) {
    tfp_affine y;
    if (!tfp_read_quantization("x", t->x, &plan->weights.x, error, error_size) ||
        !tfp_read_quantization("y", t->y, &y, error, error_size)) {
      return false;
    }
    plan->weights.y_scale = y.scale;
    plan->weights.y.zero_point = y.zero_point;
  }
  if (!tfp_fully_connected_check(&plan->shape, &plan->weights, error, error_size)) return false;
  tfp_set_output_range(plan);
  return true;
}

bool tfp_read_fully_connected(TfLiteContext *context, const tfp_node *node,
                              tfp_fully_connected_plan *plan, char *error, size_t error_size) {
  tfp_fully_connected_options options;
  if (!tfp_fully_connected_options_parse(node->custom_data, node->custom_size, &options, error,
                                         error_size)) {
    return false;
  }
  if (node->input_count != 3 || node->output_count != 1) {
    REFUSE("expected 3 inputs and 1 output; got %d and %d", node->input_count, node->output_count);
  }
  const tfp_fully_connected_tensors t = {
      tfp_node_input(context, node, kX), tfp_node_input(context, node, kWeights),
      tfp_node_input(context, node, kBias), tfp_node_output(context, node, 0)};
  if (t.weights != NULL && !tfp_check_weight_type(t.weights, error, error_size)) return false;
  plan->shape.rows = options.rows;
  plan->shape.depth = options.depth;
  plan->shape.weight_bits = options.weight_bits;
  plan->weights.row_numbers = tfp_row_stride(options.depth, options.weight_bits);
  plan->activation = options.activation;
  plan->keep_dims = true;
  return tfp_read_fully_connected_tensors(&t, plan, error, error_size);
}
