#include "tfp_embedding_plan.h"

#include <limits.h>
#include <stdio.h>

#include "../../ops/embedding/tfp_embedding_options.h"

enum { kIds, kTable, kScales, kProduct, kInputs };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

static bool is_constant(const TfLiteTensor *tensor) {
  return tensor->allocation_type == kTfLiteMmapRo && tensor->data != NULL;
}

static bool read_ids(const TfLiteTensor *ids, const tfp_embedding_options *options,
                     tfp_embedding_plan *plan, char *error, size_t error_size) {
  if (ids->type != kTfLiteInt32) REFUSE("ids must be int32; got type %d", (int)ids->type);
  const TfLiteIntArray *dims = ids->dims;
  if (dims == NULL || dims->size < 1 || dims->size >= TFP_MAX_RANK) {
    REFUSE("ids must have 1 to %d dimensions", TFP_MAX_RANK - 1);
  }
  const uint64_t width = options->units > 0 ? options->units : options->width;
  uint64_t count = 1;
  for (int i = 0; i < dims->size; ++i) {
    if (dims->data[i] < 1 || count * (uint64_t)dims->data[i] * width > INT_MAX / sizeof(float)) {
      REFUSE("ids has dimension %d of size %d, or is too large", i, dims->data[i]);
    }
    count *= (uint64_t)dims->data[i];
  }
  plan->count = (size_t)count;
  plan->shape.words = (size_t)dims->data[dims->size - 1];
  return true;
}

static bool read_table(const TfLiteTensor *table, const TfLiteTensor *scales,
                       tfp_embedding_plan *plan, char *error, size_t error_size) {
  const size_t rows = plan->shape.vocabulary;
  if (table->type != kTfLiteInt8 && table->type != kTfLiteUInt8) {
    REFUSE("the table must be bytes (int8 or uint8); got type %d", (int)table->type);
  }
  if (!is_constant(table)) REFUSE("the table must be a constant of the model");
  const uint64_t bytes = (uint64_t)rows * tfp_embedding_row_bytes(&plan->shape);
  if (table->sparsity != NULL || table->bytes != bytes) {
    REFUSE("the table must hold %llu bytes of data; got %lu", (unsigned long long)bytes,
           (unsigned long)table->bytes);
  }
  if (scales->type != kTfLiteFloat32) {
    REFUSE("scales must be float32; got type %d", (int)scales->type);
  }
  if (!is_constant(scales)) REFUSE("scales must be a constant of the model");
  const bool is_one = scales->bytes == sizeof(float);
  if (scales->sparsity != NULL ||
      (!is_one && (uint64_t)scales->bytes != (uint64_t)rows * sizeof(float))) {
    REFUSE("scales must have 1 or %lu values; got %lu bytes", (unsigned long)rows,
           (unsigned long)scales->bytes);
  }
  plan->weights.table = table->data;
  plan->weights.scales = scales->data;
  plan->weights.scale_count = is_one ? 1 : rows;
  return true;
}

/* The matrix takes rows as vectors of scale 1, and gives sums of scale 1. */
static bool read_product(const TfLiteTensor *tensor, const tfp_embedding_options *options,
                         tfp_embedding_plan *plan, char *error, size_t error_size) {
  if (options->units == 0) {
    if (tensor != NULL) REFUSE("W must be left out where units is 0");
    return true;
  }
  if (tensor == NULL) REFUSE("W is missing, and units is %u", options->units);
  if (options->mean != TFP_MEAN_NONE && tensor->sparsity != NULL) {
    REFUSE("W must not be sparse where mean is not 0");
  }
  tfp_fully_connected_plan product = {.shape = {.rows = options->units,
                                                .depth = options->width,
                                                .weight_bits = options->product_bits}};
  char reason[TFP_ERROR_BYTES / 2];
  product.weights.row_numbers = tfp_row_stride(product.shape.depth, product.shape.weight_bits);
  product.weights.x.scale = 1.0f;
  product.weights.y_scale = 1.0f;
  if (!tfp_check_weight_type(tensor, reason, sizeof reason) ||
      !tfp_read_weights(tensor, &product, reason, sizeof reason)) {
    REFUSE("W: %s", reason);
  }
  plan->shape.has_product = true;
  plan->shape.product = product.shape;
  plan->weights.product = product.weights;
  return true;
}

static bool read_output(const TfLiteTensor *y, tfp_embedding_plan *plan, char *error,
                        size_t error_size) {
  plan->shape.is_float = y->type == kTfLiteFloat32;
  if (plan->shape.is_float) return true;
  if (y->type != kTfLiteInt8) REFUSE("y must be int8 or float32; got type %d", (int)y->type);
  if (plan->shape.mean == TFP_MEAN_MASKED_OR_NAN) {
    REFUSE("y must be float32 where mean is %d, which int8 has no NaN for", TFP_MEAN_MASKED_OR_NAN);
  }
  tfp_affine to;
  if (!tfp_read_quantization("y", y, &to, error, error_size)) return false;
  plan->weights.y_scale = to.scale;
  plan->weights.y = (tfp_output_s8){to.zero_point, INT8_MIN, INT8_MAX};
  return true;
}

bool tfp_read_embedding(TfLiteContext *context, const tfp_node *node, tfp_embedding_plan *plan,
                        char *error, size_t error_size) {
  tfp_embedding_options options;
  if (!tfp_embedding_options_parse(node->custom_data, node->custom_size, &options, error,
                                   error_size)) {
    return false;
  }
  if (node->input_count != kInputs || node->output_count != 1) {
    REFUSE("expected %d inputs and 1 output; got %d and %d", kInputs, node->input_count,
           node->output_count);
  }
  const TfLiteTensor *ids = tfp_node_input(context, node, kIds);
  const TfLiteTensor *table = tfp_node_input(context, node, kTable);
  const TfLiteTensor *scales = tfp_node_input(context, node, kScales);
  const TfLiteTensor *y = tfp_node_output(context, node, 0);
  if (ids == NULL || table == NULL || scales == NULL || y == NULL) REFUSE("a tensor is missing");
  plan->shape.vocabulary = options.vocabulary;
  plan->shape.width = options.width;
  plan->shape.table_bits = options.table_bits;
  plan->shape.mean = options.mean;
  return read_ids(ids, &options, plan, error, error_size) &&
         read_table(table, scales, plan, error, error_size) &&
         read_output(y, plan, error, error_size) &&
         read_product(tfp_node_input(context, node, kProduct), &options, plan, error, error_size) &&
         tfp_embedding_check(&plan->shape, &plan->weights, error, error_size);
}
