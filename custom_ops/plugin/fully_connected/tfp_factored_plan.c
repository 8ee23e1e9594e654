#include "tfp_factored_plan.h"

#include <stdio.h>

#include "../../ops/fully_connected/tfp_factored_options.h"

enum { kX, kFirst, kLast, kBias, kInputs };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

/* The matrix of one factor; sentences about it say which one they mean. */
static bool read_factor(const char *which, const TfLiteTensor *tensor,
                        tfp_fully_connected_plan *plan, char *error, size_t error_size) {
  char reason[TFP_ERROR_BYTES / 2];
  plan->weights.row_numbers = tfp_row_stride(plan->shape.depth, plan->shape.weight_bits);
  if (tfp_check_weight_type(tensor, reason, sizeof reason) &&
      tfp_read_weights(tensor, plan, reason, sizeof reason) &&
      tfp_fully_connected_check(&plan->shape, &plan->weights, reason, sizeof reason)) {
    return true;
  }
  REFUSE("%s factor: %s", which, reason);
}

/* Scales and zero points of the three int8 vectors. */
static bool read_vectors(const tfp_factored_options *options, const TfLiteTensor *x,
                         const TfLiteTensor *y, tfp_factored_plan *plan, char *error,
                         size_t error_size) {
  tfp_affine to;
  if (!tfp_read_quantization("x", x, &plan->first.weights.x, error, error_size) ||
      !tfp_read_quantization("y", y, &to, error, error_size)) {
    return false;
  }
  plan->first.weights.y_scale = options->inner_scale;
  plan->first.weights.y.zero_point = options->inner_zero_point;
  plan->last.weights.x = (tfp_affine){options->inner_scale, options->inner_zero_point};
  plan->last.weights.y_scale = to.scale;
  plan->last.weights.y.zero_point = to.zero_point;
  return true;
}

/* Field by field: what lies between fields stays 0, because whole plans are compared. */
static void set_shapes(const tfp_factored_options *options, bool is_float,
                       tfp_factored_plan *plan) {
  plan->first.shape.rows = options->rank;
  plan->first.shape.depth = options->depth;
  plan->first.shape.weight_bits = options->first_bits;
  plan->first.shape.is_float = is_float;
  plan->last.shape.rows = options->rows;
  plan->last.shape.depth = options->rank;
  plan->last.shape.weight_bits = options->last_bits;
  plan->last.shape.is_float = is_float;
  plan->last.activation = options->activation;
  plan->last.keep_dims = true;
}

/* x is read with the first factor's depth; what y may hold depends on the last one's rows too. */
static bool read_batch(const TfLiteTensor *x, tfp_factored_plan *plan, char *error,
                       size_t error_size) {
  tfp_fully_connected_plan whole = {.shape = plan->first.shape, .keep_dims = true};
  const size_t rows = plan->last.shape.rows;
  if (rows > whole.shape.rows) whole.shape.rows = rows;
  const bool fits = tfp_read_batch(x, &whole, error, error_size);
  plan->last.batch = whole.batch;
  return fits;
}

bool tfp_read_factored(TfLiteContext *context, const tfp_node *node, tfp_factored_plan *plan,
                       char *error, size_t error_size) {
  tfp_factored_options options;
  if (!tfp_factored_options_parse(node->custom_data, node->custom_size, &options, error,
                                  error_size)) {
    return false;
  }
  if (node->input_count != kInputs || node->output_count != 1) {
    REFUSE("expected %d inputs and 1 output; got %d and %d", kInputs, node->input_count,
           node->output_count);
  }
  const TfLiteTensor *x = tfp_node_input(context, node, kX);
  const TfLiteTensor *first = tfp_node_input(context, node, kFirst);
  const TfLiteTensor *last = tfp_node_input(context, node, kLast);
  const TfLiteTensor *y = tfp_node_output(context, node, 0);
  if (x == NULL || first == NULL || last == NULL || y == NULL) REFUSE("a tensor is missing");
  const bool is_float = x->type == kTfLiteFloat32;
  if (x->type != kTfLiteInt8 && !is_float) {
    REFUSE("x must be int8 or float32; got type %d", (int)x->type);
  }
  if (y->type != x->type) REFUSE("y must have the type of x; got type %d", (int)y->type);
  if (is_float != (options.inner_scale == 0.0f)) {
    REFUSE("the inner scale must be 0 where x is float32, and only there; got %g",
           (double)options.inner_scale);
  }
  set_shapes(&options, is_float, plan);
  if (!read_batch(x, plan, error, error_size) ||
      (!is_float && !read_vectors(&options, x, y, plan, error, error_size)) ||
      !read_factor("first", first, &plan->first, error, error_size) ||
      !read_factor("last", last, &plan->last, error, error_size) ||
      !tfp_read_bias(tfp_node_input(context, node, kBias), &plan->last, error, error_size)) {
    return false;
  }
  tfp_set_output_range(&plan->first);
  tfp_set_output_range(&plan->last);
  return true;
}
