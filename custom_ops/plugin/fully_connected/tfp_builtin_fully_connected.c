#include "tfp_builtin_fully_connected.h"

#include <stdio.h>
#include <string.h>

#include "../tfp_tensor.h"
#include "tfp_fully_connected_gain.h"
#include "tfp_fully_connected_read.h"

enum { kX, kWeights, kBias };

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

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
  const tfp_fully_connected_tensors t = {
      tfp_tensor_at(context, inputs[kX]), tfp_tensor_at(context, inputs[kWeights]),
      input_count > kBias ? tfp_tensor_at(context, inputs[kBias]) : NULL,
      tfp_tensor_at(context, outputs[0])};
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
  return tfp_read_fully_connected_tensors(&t, plan, error, error_size);
}

/* Weights of which this share is cut (see tfp_fully_connected_u8.h) are not worth their list. */
static bool has_few_cuts(const tfp_fully_connected_plan *plan, const tfp_variant *variant) {
  const size_t rows = plan->shape.rows, depth = plan->shape.depth;
  return tfp_fully_connected_u8_measure(variant, rows, depth, plan->u8.values).cut_count <=
         rows * depth / 64;
}

static bool read_node(TfLiteContext *context, const TfLiteNode *node, const tfp_variant *variant,
                      tfp_fully_connected_plan *plan, char *error, size_t error_size) {
  memset(plan, 0, sizeof *plan);
  if (node->inputs == NULL || node->outputs == NULL) REFUSE("it must have inputs and outputs");
  if (!tfp_read_builtin_fully_connected(context, node->inputs->data, node->inputs->size,
                                        node->outputs->data, node->outputs->size,
                                        node->builtin_data, plan, error, error_size)) {
    return false;
  }
  if (plan->batch > TFP_MAX_BATCH) {
    REFUSE("the batch must be at most %d; got %lu", TFP_MAX_BATCH, (unsigned long)plan->batch);
  }
  if (plan->is_unsigned && !has_few_cuts(plan, variant)) {
    REFUSE("few weights must be at both ends of uint8");
  }
  return true;
}

bool tfp_runs_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                              const tfp_variant *variant, char *error, size_t error_size) {
  tfp_fully_connected_plan plan;
  return read_node(context, node, variant, &plan, error, error_size);
}

bool tfp_accelerates_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                                     const tfp_options *options, char *error, size_t error_size) {
  tfp_fully_connected_plan plan;
  if (!read_node(context, node, options->variant, &plan, error, error_size)) return false;
  if (options->accelerate_builtin == kTfpAll ||
      tfp_fully_connected_gains(options->variant, &plan)) {
    return true;
  }
  REFUSE("%lu x %lu weights at batch %lu must gain time on %s, and do not",
         (unsigned long)plan.shape.rows, (unsigned long)plan.shape.depth, (unsigned long)plan.batch,
         options->variant->name);
}
