/* Shapes and types of an UNIDIRECTIONAL_SEQUENCE_LSTM. What the runtime itself would refuse is
 * refused here too, and so the node stays with the runtime, which says why. */
#include <stdio.h>
#include <string.h>

#include "../../kernels/common/tfp_target.h"
#include "../tfp_tensor.h"
#include "tfp_builtin_lstm_plan.h"

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

enum { kMaxSide = 65536 }; /* of a matrix */

typedef struct reading {
  const TfLiteContext *context;
  const tfp_lstm_node *node;
  tfp_lstm_layer *layer;
  char *error;
  size_t error_size;
} reading;

#define STOP(r, ...) return snprintf((r)->error, (r)->error_size, __VA_ARGS__), false

int tfp_lstm_input_of(size_t gate) {
  static const int places[TFP_LSTM_GATES] = {
      [TFP_LSTM_INPUT] = 0, [TFP_LSTM_FORGET] = 1, [TFP_LSTM_CANDIDATE] = 2, [TFP_LSTM_OUTPUT] = 3};
  return places[gate];
}

const char *tfp_lstm_gate_name(size_t gate) {
  static const char *const names[TFP_LSTM_GATES] = {[TFP_LSTM_INPUT] = "input",
                                                    [TFP_LSTM_FORGET] = "forget",
                                                    [TFP_LSTM_CANDIDATE] = "cell",
                                                    [TFP_LSTM_OUTPUT] = "output"};
  return names[gate];
}

static const TfLiteTensor *input_at(const reading *r, int i) {
  return i < r->node->input_count ? tfp_tensor_at(r->context, r->node->inputs[i]) : NULL;
}

/* A constant of `type` numbers with these dimensions; `columns` 0: a vector. */
TFP_NOINLINE static bool read_constant(const reading *r, int i, const char *gate, const char *name,
                                       TfLiteType type, size_t rows, size_t columns,
                                       const void **data) {
  const TfLiteTensor *t = input_at(r, i);
  const size_t size = type == kTfLiteInt32 ? 4 : type == kTfLiteInt16 ? 2 : 1;
  if (t == NULL) STOP(r, "%s%s must not be missing", gate, name);
  if (t->type != type)
    STOP(r, "%s%s must be of type %d; got %d", gate, name, (int)type, (int)t->type);
  const TfLiteIntArray *dims = t->dims;
  if (dims == NULL || dims->size != (columns > 0 ? 2 : 1) || dims->data[0] != (int)rows ||
      (columns > 0 && dims->data[1] != (int)columns)) {
    STOP(r, "%s%s must have %lu rows of %lu", gate, name, (unsigned long)rows,
         (unsigned long)(columns > 0 ? columns : 1));
  }
  const uint64_t bytes = (uint64_t)rows * (columns > 0 ? columns : 1) * size;
  if (t->allocation_type != kTfLiteMmapRo || t->data == NULL || t->bytes != bytes ||
      t->sparsity != NULL || (uintptr_t)t->data % size != 0) {
    STOP(r, "%s%s must be a plain constant of the model", gate, name);
  }
  *data = t->data;
  return true;
}

/* Sides of the matrices, from those of the output gate, which every form has. */
static bool read_sides(const reading *r) {
  const TfLiteTensor *kernel = input_at(r, kTfpLstmKernel + 3);
  const TfLiteTensor *recurrent = input_at(r, kTfpLstmRecurrent + 3);
  if (kernel == NULL || kernel->dims == NULL || kernel->dims->size != 2 || recurrent == NULL ||
      recurrent->dims == NULL || recurrent->dims->size != 2) {
    STOP(r, "weights of the output gate must be matrices");
  }
  const int cells = kernel->dims->data[0], depth = kernel->dims->data[1];
  const int outputs = recurrent->dims->data[1];
  if (cells < 1 || cells > kMaxSide || depth < 1 || depth > kMaxSide || outputs < 1 ||
      outputs > kMaxSide) {
    STOP(r, "cells, inputs and outputs must be within [1, %d]; got %d, %d and %d", kMaxSide, cells,
         depth, outputs);
  }
  r->layer->cells = (size_t)cells;
  r->layer->input_dim = (size_t)depth;
  r->layer->outputs = (size_t)outputs;
  return true;
}

static bool has_input(const reading *r, int i) {
  return i < r->node->input_count && r->node->inputs[i] != kTfLiteOptionalTensor;
}

/* The weights of one gate; a layer normalization takes the bias over. */
static bool read_gate(const reading *r, size_t i, bool peephole, bool norm) {
  tfp_lstm_layer *layer = r->layer;
  tfp_lstm_gate *gate = &layer->gates[i];
  const int at = tfp_lstm_input_of(i);
  const char *name = tfp_lstm_gate_name(i);
  const void *kernel, *recurrent, *bias, *extra;
  if (!read_constant(r, kTfpLstmKernel + at, name, " gate's weights", kTfLiteInt8, layer->cells,
                     layer->input_dim, &kernel) ||
      !read_constant(r, kTfpLstmRecurrent + at, name, " gate's recurrent weights", kTfLiteInt8,
                     layer->cells, layer->outputs, &recurrent) ||
      !read_constant(r, kTfpLstmBias + at, name, " gate's biases", kTfLiteInt32, layer->cells, 0,
                     &bias)) {
    return false;
  }
  gate->kernel = kernel;
  gate->recurrent = recurrent;
  gate->bias = norm ? NULL : bias;
  if (peephole && i != TFP_LSTM_CANDIDATE) {
    const int place = kTfpLstmPeephole + (i == TFP_LSTM_OUTPUT ? 2 : at);
    if (!read_constant(r, place, name, " gate's peephole weights", kTfLiteInt16, layer->cells, 0,
                       &extra)) {
      return false;
    }
    gate->peephole = extra;
  }
  if (!norm) return true;
  if (!read_constant(r, kTfpLstmNorm + at, name, " gate's normalization weights", kTfLiteInt16,
                     layer->cells, 0, &extra)) {
    return false;
  }
  gate->norm.weights = extra;
  gate->norm.bias = bias;
  return true;
}

/* All gates, or all but the input gate. */
static bool read_gates(const reading *r) {
  const bool coupled = !has_input(r, kTfpLstmKernel);
  const bool peephole = has_input(r, kTfpLstmPeephole + 1);
  const bool norm = has_input(r, kTfpLstmNorm + 1);
  if (has_input(r, kTfpLstmRecurrent) == coupled || has_input(r, kTfpLstmBias) == coupled ||
      (norm && has_input(r, kTfpLstmNorm) == coupled)) {
    STOP(r, "the input gate must be there as a whole or not at all");
  }
  if (has_input(r, kTfpLstmPeephole + 2) != peephole ||
      (!coupled && has_input(r, kTfpLstmPeephole) != peephole) ||
      (!peephole && has_input(r, kTfpLstmPeephole))) {
    STOP(r, "peephole weights must be there for all gates or for none");
  }
#if defined(__arm__) || defined(__aarch64__)
  /* Where halves are rounded, the runtime's NEON kernels differ from its portable ones. */
  if (peephole || norm) STOP(r, "on Arm there must be no peephole and no normalization");
#endif
  if (peephole && r->layer->outputs > r->layer->cells) {
    STOP(r, "a layer with a peephole must not have more outputs than cells");
  }
  for (size_t i = 0; i < TFP_LSTM_GATES; ++i) {
    if ((i != TFP_LSTM_INPUT || !coupled) && !read_gate(r, i, peephole, norm)) return false;
  }
  return true;
}

static bool read_projection(const reading *r) {
  tfp_lstm_layer *layer = r->layer;
  const void *weights, *bias = NULL;
  if (!has_input(r, kTfpLstmProjection)) {
    if (has_input(r, kTfpLstmProjectionBias))
      STOP(r, "projection biases must not be there without weights");
    if (layer->outputs == layer->cells) return true;
    STOP(r, "%lu outputs of %lu cells must have a projection", (unsigned long)layer->outputs,
         (unsigned long)layer->cells);
  }
  if (!read_constant(r, kTfpLstmProjection, "", "projection weights", kTfLiteInt8, layer->outputs,
                     layer->cells, &weights)) {
    return false;
  }
  if (has_input(r, kTfpLstmProjectionBias) &&
      !read_constant(r, kTfpLstmProjectionBias, "", "projection biases", kTfLiteInt32,
                     layer->outputs, 0, &bias)) {
    return false;
  }
  layer->projection = weights;
  layer->projection_bias = bias;
  return true;
}

/* A state in a variable of the runtime's, which is no other tensor of the node. */
static bool read_state(const reading *r, int i, const char *name, TfLiteType type, uint64_t count) {
  const tfp_lstm_node *node = r->node;
  const TfLiteTensor *t = input_at(r, i);
  if (t == NULL || !t->is_variable || t->type != type) {
    STOP(r, "%s must be a variable of type %d", name, (int)type);
  }
  for (int k = 0; k < node->input_count; ++k) {
    if (k != i && node->inputs[k] == node->inputs[i])
      STOP(r, "%s must not be input %d too", name, k);
  }
  uint64_t numbers = 1;
  for (int d = 0; t->dims != NULL && d < t->dims->size && numbers <= UINT32_MAX; ++d) {
    if (t->dims->data[d] < 0) STOP(r, "%s must not have a negative dimension", name);
    numbers *= (uint64_t)t->dims->data[d];
  }
  if (t->dims == NULL || numbers != count) {
    STOP(r, "%s must have %llu numbers", name, (unsigned long long)count);
  }
  return true;
}

static bool read_io(const reading *r, tfp_lstm_plan *plan) {
  const TfLiteTensor *x = input_at(r, kTfpLstmX);
  const TfLiteTensor *y = tfp_tensor_at(r->context, r->node->outputs[0]);
  if (x == NULL || x->type != kTfLiteInt8) {
    STOP(r, "x must be int8");
  }
  if (y == NULL || y->type != kTfLiteInt8) STOP(r, "y must be int8");
  if (x->dims == NULL || x->dims->size != 3 || x->dims->data[0] < 1 || x->dims->data[1] < 1 ||
      x->dims->data[2] != (int)r->layer->input_dim) {
    STOP(r, "x must have 3 dimensions, the last one %lu", (unsigned long)r->layer->input_dim);
  }
  plan->time_major = r->node->parameters->time_major;
  plan->batch = (size_t)x->dims->data[plan->time_major ? 1 : 0];
  plan->time = (size_t)x->dims->data[plan->time_major ? 0 : 1];
  const size_t widest = r->layer->cells > r->layer->outputs ? r->layer->cells : r->layer->outputs;
  if (plan->batch > INT32_MAX / sizeof(int16_t) / widest ||
      plan->time > INT32_MAX / (plan->batch * widest)) {
    STOP(r, "%lu sequences of %lu steps must fit into 2^31 bytes", (unsigned long)plan->batch,
         (unsigned long)plan->time);
  }
  return read_state(r, kTfpLstmH, "the output state", kTfLiteInt8,
                    (uint64_t)plan->batch * r->layer->outputs) &&
         read_state(r, kTfpLstmCell, "the cell state", kTfLiteInt16,
                    (uint64_t)plan->batch * r->layer->cells);
}

/* The portable kernels work on whole blocks one number at a time: less than a block would take
 * longer than it does in the runtime. */
static bool is_worth_it(const reading *r, const tfp_variant *variant) {
  const bool is_portable = variant->lstm_s16 == tfp_get_variant(0)->lstm_s16;
  if (!is_portable || r->layer->cells >= TFP_ROW_BLOCK) return true;
  STOP(r, "a layer must have at least %d cells to gain from the kernels '%s'; got %lu",
       TFP_ROW_BLOCK, variant->name, (unsigned long)r->layer->cells);
}

static bool holds_minus_128(const int8_t *weights, size_t count) {
  for (size_t i = 0; weights != NULL && i < count; ++i) {
    if (weights[i] == INT8_MIN) return true;
  }
  return false;
}

/* Whether the kernels multiply these weights exactly. */
static bool weights_fit(const reading *r, const tfp_variant *variant) {
  const tfp_lstm_layer *layer = r->layer;
  if (variant->takes_minus_128) return true;
  bool found = holds_minus_128(layer->projection, layer->outputs * layer->cells);
  for (size_t i = 0; i < TFP_LSTM_GATES; ++i) {
    const tfp_lstm_gate *gate = &layer->gates[i];
    found = found || holds_minus_128(gate->kernel, layer->cells * layer->input_dim) ||
            holds_minus_128(gate->recurrent, layer->cells * layer->outputs);
  }
  if (found) STOP(r, "weights must be within [-127, 127] for the kernels '%s'", variant->name);
  return true;
}

bool tfp_read_builtin_lstm(const TfLiteContext *context, const tfp_lstm_node *node,
                           const tfp_variant *variant, tfp_lstm_plan *plan, char *error,
                           size_t error_size) {
  if (node->parameters == NULL || node->output_count != 1 ||
      (node->input_count != kTfpLstmInputs && node->input_count != kTfpLstmInputsWithoutNorm) ||
      node->intermediate_count != kTfpLstmIntermediates) {
    REFUSE("it must have 20 or 24 inputs, 1 output and 5 intermediates; got %d, %d and %d",
           node->input_count, node->output_count, node->intermediate_count);
  }
  const reading r = {context, node, &plan->layer, error, error_size};
  return read_sides(&r) && read_io(&r, plan) && read_gates(&r) && read_projection(&r) &&
         is_worth_it(&r, variant) && weights_fit(&r, variant) &&
         tfp_read_lstm_scales(context, node, &plan->layer, error, error_size);
}

bool tfp_accelerates_builtin_lstm(TfLiteContext *context, const TfLiteNode *node,
                                  const tfp_options *options, char *error, size_t error_size) {
  tfp_lstm_plan plan;
  memset(&plan, 0, sizeof plan);
  if (node->inputs == NULL || node->outputs == NULL || node->intermediates == NULL) {
    REFUSE("it must have intermediates, as an LSTM in integers has");
  }
  const tfp_lstm_node read = {.inputs = node->inputs->data,
                              .outputs = node->outputs->data,
                              .intermediates = node->intermediates->data,
                              .input_count = node->inputs->size,
                              .output_count = node->outputs->size,
                              .intermediate_count = node->intermediates->size,
                              .parameters = node->builtin_data};
  return tfp_read_builtin_lstm(context, &read, options->variant, &plan, error, error_size);
}
