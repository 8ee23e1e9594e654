#include "tfp_fully_connected_plan.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/common/tfp_assert.h"
#include "../../ops/common/tfp_unpack.h"
#include "../tfp_check.h"
#include "../tfp_sparsity.h"
#include "../tfp_tensor.h"

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

bool tfp_read_quantization(const char *name, const TfLiteTensor *tensor, tfp_affine *quantization,
                           char *error, size_t error_size) {
  const TfLiteAffineQuantization *q = tfp_per_tensor_quantization(tensor);
  if (q == NULL) REFUSE("%s must have one scale and one zero point", name);
  *quantization = (tfp_affine){q->scale->data[0], q->zero_point->data[0]};
  return true;
}

size_t tfp_row_stride(size_t depth, int bits) {
  TFP_ASSERT(bits == 8 || bits == 4 || bits == 2);
  const size_t per_byte = 8 / (size_t)bits;
  return (depth + per_byte - 1) / per_byte * per_byte;
}

bool tfp_check_weight_type(const TfLiteTensor *weights, char *error, size_t error_size) {
  if (weights->type == kTfLiteInt8 || weights->type == kTfLiteUInt8) return true;
  REFUSE("weights must be bytes (int8 or uint8); got type %d", (int)weights->type);
}

bool tfp_read_batch(const TfLiteTensor *x, tfp_fully_connected_plan *plan, char *error,
                    size_t error_size) {
  TFP_ASSERT(plan->shape.rows > 0 && plan->shape.depth > 0);
  const TfLiteIntArray *dims = x->dims;
  if (dims == NULL || dims->size < 1 || dims->size > TFP_MAX_RANK) {
    REFUSE("x must have 1 to %d dimensions", TFP_MAX_RANK);
  }
  uint64_t count = 1;
  for (int i = 0; i < dims->size; ++i) {
    if (dims->data[i] < 1 || count * (uint64_t)dims->data[i] > INT_MAX) {
      REFUSE("x has dimension %d of size %d, or is too large", i, dims->data[i]);
    }
    count *= (uint64_t)dims->data[i];
  }
  const size_t depth = plan->shape.depth;
  if (plan->keep_dims ? (size_t)dims->data[dims->size - 1] != depth : count % depth != 0) {
    REFUSE("x must hold vectors of %lu; its last dimension is %d", (unsigned long)depth,
           dims->data[dims->size - 1]);
  }
  plan->batch = (size_t)(count / depth);
  if ((uint64_t)plan->batch * plan->shape.rows > INT_MAX / sizeof(float)) {
    REFUSE("%lu vectors are too many", (unsigned long)plan->batch);
  }
  return true;
}

/* Scales of the weights: one, or one for each of `rows` rows of the tensor; zero points 0. */
static bool read_scales(const TfLiteTensor *tensor, size_t rows, tfp_fully_connected_plan *plan,
                        char *error, size_t error_size) {
  const TfLiteAffineQuantization *q = tfp_affine_quantization(tensor);
  const int count = q == NULL ? 0 : q->scale->size;
  if (count != 1 && (count <= 0 || (size_t)count != rows || q->quantized_dimension != 0)) {
    REFUSE("weights must have one scale, or %lu scales along dimension 0; got %d",
           (unsigned long)rows, count);
  }
  for (int i = 0; i < q->zero_point->size; ++i) {
    if (q->zero_point->data[i] != 0) {
      REFUSE("weights must have zero points 0; got %d in row %d", q->zero_point->data[i], i);
    }
  }
  plan->weights.scales = q->scale->data;
  plan->weights.scale_count = count == 1 ? 1 : plan->shape.rows;
  return true;
}

/* Weights whose zeros are not stored. */
static bool read_sparse(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                        size_t error_size) {
  char reason[TFP_ERROR_BYTES / 2];
  if (plan->is_builtin || plan->is_unsigned || plan->shape.weight_bits != 8) {
    REFUSE("weights must not be sparse but in ops of ours, with 8 bits and no uint8 vectors");
  }
  if (!tfp_read_sparsity(tensor, 1, plan->shape.rows, plan->shape.depth, &plan->weights.tiles,
                         reason, sizeof reason)) {
    REFUSE("weights: %s", reason);
  }
  plan->shape.is_sparse = true;
  plan->shape.tiles = tfp_paired_count(&plan->weights.tiles, plan->shape.rows);
  plan->weights.values = tensor->data;
  return read_scales(tensor, (size_t)tensor->dims->data[0], plan, error, error_size);
}

/* Weights stored as ternary numbers, five a byte; their bytes are those of that many. */
static bool read_trits(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                       size_t error_size) {
  const uint8_t *values = tensor->data;
  const size_t bad = tfp_find_no_trits(values, tensor->bytes);
  if (bad < tensor->bytes) {
    REFUSE("weights: byte %lu is %d; five ternary numbers are 0 to %d", (unsigned long)bad,
           values[bad], TFP_MOST_TRITS);
  }
  plan->weights.trits = true;
  plan->weights.values = values;
  return read_scales(tensor, plan->shape.rows, plan, error, error_size);
}

bool tfp_read_weights(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                      size_t error_size) {
  TFP_ASSERT(plan->weights.row_numbers >= plan->shape.depth);
  const uint64_t bits =
      (uint64_t)plan->shape.rows * plan->weights.row_numbers * (uint64_t)plan->shape.weight_bits;
  if (tensor->sparsity != NULL) return read_sparse(tensor, plan, error, error_size);
  if (tensor->allocation_type != kTfLiteMmapRo || tensor->data == NULL) {
    REFUSE("weights must be a constant of the model");
  }
  const size_t rows = plan->shape.rows;
  if (!plan->is_builtin && tensor->bytes % rows == 0 &&
      tfp_are_trits(plan->shape.depth, plan->shape.weight_bits, tensor->bytes / rows)) {
    return read_trits(tensor, plan, error, error_size);
  }
  if (tensor->bytes != (bits + 7) / 8) {
    REFUSE("weights must hold %llu bytes of data; got %lu", (unsigned long long)(bits + 7) / 8,
           (unsigned long)tensor->bytes);
  }
  plan->weights.values = tensor->data;
  return plan->is_unsigned || read_scales(tensor, plan->shape.rows, plan, error, error_size);
}

bool tfp_read_bias(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                   size_t error_size) {
  if (tensor == NULL) return true;
  const TfLiteType type = plan->shape.is_float ? kTfLiteFloat32 : kTfLiteInt32;
  if (tensor->type != type) {
    REFUSE("bias must be %s", plan->shape.is_float ? "float32" : "int32");
  }
  if (tensor->allocation_type != kTfLiteMmapRo || tensor->data == NULL) {
    REFUSE("bias must be a constant of the model");
  }
  if (tensor->dims == NULL || tensor->bytes != plan->shape.rows * 4) {
    REFUSE("bias must have %lu values", (unsigned long)plan->shape.rows);
  }
  plan->weights.bias = tensor->data;
  return true;
}

void tfp_set_output_range(tfp_fully_connected_plan *plan) {
  tfp_fully_connected_weights *weights = &plan->weights;
  const bool relu = plan->activation != kTfpNone, six = plan->activation == kTfpRelu6;
  weights->y_low = relu ? 0.0f : -0x1.fffffep+127f;
  weights->y_high = six ? 6.0f : 0x1.fffffep+127f;
  tfp_output_s8 *y = &weights->y;
  y->low = relu ? y->zero_point : INT8_MIN;
  y->high = INT8_MAX;
  /* 6 above the zero point, rounded half away from zero as the runtimes do. */
  const float max = 6.0f / weights->y_scale + 0.5f;
  if (six && max < (float)(INT8_MAX - y->zero_point)) y->high = y->zero_point + (int32_t)max;
}

TfLiteStatus tfp_resize_fully_connected(TfLiteContext *context, const tfp_node *node,
                                        const tfp_fully_connected_plan *plan) {
  TFP_ASSERT(plan->batch > 0); /* x was read */
  const TfLiteTensor *x = tfp_node_input(context, node, 0);
  int dims[TFP_MAX_RANK] = {(int)plan->batch, (int)plan->shape.rows};
  int rank = 2;
  if (plan->keep_dims) {
    rank = x->dims->size;
    memcpy(dims, x->dims->data, (size_t)rank * sizeof(int));
    dims[rank - 1] = (int)plan->shape.rows;
  }
  return tfp_resize_output(context, tfp_node_output(context, node, 0), rank, dims);
}
