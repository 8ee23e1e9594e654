#include "tfp_fully_connected_plan.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { kX, kWeights, kBias };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

static const TfLiteAffineQuantization *affine(const TfLiteTensor *tensor) {
  if (tensor->quantization.type != kTfLiteAffineQuantization) return NULL;
  const TfLiteAffineQuantization *q = tensor->quantization.params;
  return q != NULL && q->scale != NULL && q->zero_point != NULL ? q : NULL;
}

bool tfp_read_levels(const char *name, const TfLiteTensor *tensor, tfp_affine *levels, char *error,
                     size_t error_size) {
  const TfLiteAffineQuantization *q = affine(tensor);
  if (q == NULL || q->scale->size != 1 || q->zero_point->size != 1) {
    REFUSE("%s must have one scale and one zero point", name);
  }
  *levels = (tfp_affine){q->scale->data[0], q->zero_point->data[0]};
  return true;
}

/* Scales of the weights: one, or one a row; zero points 0. */
static bool read_scales(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                        size_t error_size) {
  const TfLiteAffineQuantization *q = affine(tensor);
  const int count = q == NULL ? 0 : q->scale->size;
  if (count != 1 &&
      (count <= 0 || (size_t)count != plan->shape.rows || q->quantized_dimension != 0)) {
    REFUSE("weights must have one scale, or %lu scales along dimension 0; got %d",
           (unsigned long)plan->shape.rows, count);
  }
  for (int i = 0; i < q->zero_point->size; ++i) {
    if (q->zero_point->data[i] != 0) {
      REFUSE("weights must have zero points 0; got %d in row %d", q->zero_point->data[i], i);
    }
  }
  plan->weights.scales = q->scale->data;
  plan->weights.scale_count = (size_t)count;
  return true;
}

bool tfp_read_weights(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                      size_t error_size) {
  const uint64_t bits =
      (uint64_t)plan->shape.rows * plan->weights.row_numbers * (uint64_t)plan->shape.weight_bits;
  if (tensor->allocation_type != kTfLiteMmapRo || tensor->data == NULL) {
    REFUSE("weights must be a constant of the model");
  }
  if (tensor->bytes != (bits + 7) / 8 || tensor->sparsity != NULL) {
    REFUSE("weights must hold %llu bytes of data; got %lu", (unsigned long long)(bits + 7) / 8,
           (unsigned long)tensor->bytes);
  }
  plan->weights.values = tensor->data;
  return plan->is_unsigned || read_scales(tensor, plan, error, error_size);
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

bool tfp_read_batch(const TfLiteTensor *x, tfp_fully_connected_plan *plan, char *error,
                    size_t error_size) {
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

void tfp_set_ends(tfp_fully_connected_plan *plan) {
  tfp_fully_connected_weights *weights = &plan->weights;
  const bool relu = plan->activation != kTfpNone, six = plan->activation == kTfpRelu6;
  weights->y_low = relu ? 0.0f : -0x1.fffffep+127f;
  weights->y_high = six ? 6.0f : 0x1.fffffep+127f;
  tfp_output_s8 *y = &weights->y;
  y->low = relu ? y->zero_point : INT8_MIN;
  y->high = INT8_MAX;
  /* Rounded half away from zero, as the runtimes do. */
  const float level = 6.0f / weights->y_scale + 0.5f;
  if (six && level < (float)(INT8_MAX - y->zero_point)) y->high = y->zero_point + (int32_t)level;
}

/* Fills the plan from tensors of which the caller set the shape of the weights, the activation and
 * keep_dims. On failure writes one sentence and returns false. */
static bool read_plan(const tfp_fully_connected_tensors *t, tfp_fully_connected_plan *plan,
                      char *error, size_t error_size) {
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
    if (!tfp_read_levels("x", t->x, &plan->weights.x, error, error_size) ||
        !tfp_read_levels("y", t->y, &y, error, error_size)) {
      return false;
    }
    plan->weights.y_scale = y.scale;
    plan->weights.y.zero_point = y.zero_point;
  }
  if (!tfp_fully_connected_check(&plan->shape, &plan->weights, error, error_size)) return false;
  tfp_set_ends(plan);
  return true;
}

static const TfLiteTensor *at(const TfLiteContext *context, int index) {
  return index >= 0 && (size_t)index < context->tensors_size ? &context->tensors[index] : NULL;
}

bool tfp_read_builtin_fully_connected(TfLiteContext *context, const int *inputs, int input_count,
                                      const int *outputs, int output_count, const void *builtin,
                                      tfp_fully_connected_plan *plan, char *error,
                                      size_t error_size) {
  const TfLiteFullyConnectedParams *params = builtin;
  if (params == NULL || input_count < 2 || input_count > 3 || output_count != 1 ||
      params->weights_format != 0) {
    REFUSE("a form of FULLY_CONNECTED that the plug-in does not know");
  }
  if (params->activation != kTfpNone && params->activation != kTfpRelu &&
      params->activation != kTfpRelu6) {
    REFUSE("activation %d is not relu or relu6", params->activation);
  }
  const tfp_fully_connected_tensors t = {at(context, inputs[kX]), at(context, inputs[kWeights]),
                                         input_count > kBias ? at(context, inputs[kBias]) : NULL,
                                         at(context, outputs[0])};
  if (t.weights == NULL || t.weights->dims == NULL || t.weights->dims->size != 2 ||
      (t.weights->type != kTfLiteInt8 && t.weights->type != kTfLiteInt4 &&
       t.weights->type != kTfLiteUInt8)) {
    REFUSE("weights must be int8, int4 or uint8 with 2 dimensions");
  }
  if (t.weights->type == kTfLiteUInt8 && (t.x == NULL || t.x->type != kTfLiteUInt8)) {
    REFUSE("weights must be uint8 only where x is");
  }
  plan->is_builtin = true;
  const int rows = t.weights->dims->data[0], depth = t.weights->dims->data[1];
  if (rows < 1 || (uint32_t)rows > TFP_FULLY_CONNECTED_MAX_ROWS || depth < 1 ||
      depth > TFP_FULLY_CONNECTED_MAX_DEPTH) {
    REFUSE("weights have %d rows of %d", rows, depth);
  }
  plan->shape.rows = (size_t)rows;
  plan->shape.depth = (size_t)depth;
  plan->shape.weight_bits = t.weights->type == kTfLiteInt4 ? 4 : 8;
  plan->weights.row_numbers = (size_t)depth;
  plan->activation = (tfp_activation)params->activation;
  plan->keep_dims = params->keep_num_dims;
  return read_plan(&t, plan, error, error_size);
}

/* Weights of which this share is cut (see tfp_fully_connected_u8.h) are not worth their list. */
static bool has_few_cuts(const tfp_fully_connected_plan *plan, const tfp_variant *variant) {
  const size_t rows = plan->shape.rows, depth = plan->shape.depth;
  return tfp_fully_connected_u8_measure(variant, rows, depth, plan->u8.values).cut_count <=
         rows * depth / 64;
}

bool tfp_accelerates_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                                     const tfp_variant *variant) {
  char error[TFP_ERROR_BYTES];
  tfp_fully_connected_plan plan;
  memset(&plan, 0, sizeof plan);
  return node->inputs != NULL && node->outputs != NULL &&
         tfp_read_builtin_fully_connected(context, node->inputs->data, node->inputs->size,
                                          node->outputs->data, node->outputs->size,
                                          node->builtin_data, &plan, error, sizeof error) &&
         plan.batch <= TFP_MAX_BATCH && (!plan.is_unsigned || has_few_cuts(&plan, variant));
}

size_t tfp_whole_bytes(size_t depth, int bits) {
  const size_t per_byte = 8 / (size_t)bits;
  return (depth + per_byte - 1) / per_byte * per_byte;
}

bool tfp_check_bytes(const TfLiteTensor *weights, char *error, size_t error_size) {
  if (weights->type == kTfLiteInt8 || weights->type == kTfLiteUInt8) return true;
  REFUSE("weights must be bytes (int8 or uint8); got type %d", (int)weights->type);
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
      at(context, node->inputs[kX]), at(context, node->inputs[kWeights]),
      at(context, node->inputs[kBias]), at(context, node->outputs[0])};
  if (t.weights != NULL && !tfp_check_bytes(t.weights, error, error_size)) return false;
  plan->shape.rows = options.rows;
  plan->shape.depth = options.depth;
  plan->shape.weight_bits = options.weight_bits;
  plan->weights.row_numbers = tfp_whole_bytes(options.depth, options.weight_bits);
  plan->activation = options.activation;
  plan->keep_dims = true;
  return read_plan(&t, plan, error, error_size);
}
