/* tfpipeline.gru as a node of a graph: checks of tensors, then custom_ops/ops/tfp_gru. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/tfp_gru.h"
#include "tfp_check.h"
#include "tfp_memory.h"

enum {
  kX,
  kH0,
  kW1,
  kW2,
  kU1,
  kU2,
  kBias,
  kLengths,
  kInputs,
  kY = 0,
  kLastState,
  kOutputs,
};

typedef struct gru_state {
  tfp_gru gru;
  void *memory;
  tfp_gru_weights packed_from; /* what `memory` was packed from */
  size_t batch;
  size_t time;
} gru_state;

static void release(void *pointer) {
  gru_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

static TfLiteStatus read_matrix(TfLiteContext *context, const tfp_node *node, int i,
                                const char *name, size_t rows, size_t depth, tfp_matrix *matrix) {
  const int dims[2] = {(int)rows, (int)depth};
  TfLiteTensor *tensor;
  TfLiteStatus status = tfp_check_input(context, node, i, name, kTfLiteInt8, 2, dims, &tensor);
  if (status != kTfLiteOk) return status;
  status = tfp_check_constant(context, node, name, tensor, (uint64_t)rows * depth);
  if (status != kTfLiteOk) return status;
  matrix->values = tensor->data;
  matrix->rows = rows;
  matrix->depth = depth;
  return tfp_check_per_row(context, node, name, tensor, (int)rows, &matrix->scales);
}

/* Reads one kernel: two factors (first at input `i`, second after it) or one plain matrix. */
static TfLiteStatus read_kernel(TfLiteContext *context, const tfp_node *node, int i,
                                const char *const *names, size_t depth, size_t rank, size_t rows,
                                tfp_matrix *matrices) {
  if (rank > 0) {
    const TfLiteStatus status = read_matrix(context, node, i, names[0], rank, depth, &matrices[0]);
    if (status != kTfLiteOk) return status;
    return read_matrix(context, node, i + 1, names[1], rows, rank, &matrices[1]);
  }
  if (node->inputs[i + 1] != kTfLiteOptionalTensor) {
    return tfp_node_error(context, node, "%s must be left out when its rank is 0", names[1]);
  }
  return read_matrix(context, node, i, names[0], rows, depth, &matrices[0]);
}

static TfLiteStatus read_weights(TfLiteContext *context, const tfp_node *node,
                                 const tfp_gru_options *options, tfp_gru_weights *weights) {
  static const char *const kernel_names[] = {"kernel W1", "kernel W2"};
  static const char *const recurrent_names[] = {"recurrent kernel U1", "recurrent kernel U2"};
  const size_t rows = (size_t)3 * options->units;
  TfLiteStatus status = read_kernel(context, node, kW1, kernel_names, options->input_dim,
                                    options->rank_x, rows, weights->kernel);
  if (status != kTfLiteOk) return status;
  status = read_kernel(context, node, kU1, recurrent_names, options->units, options->rank_h, rows,
                       weights->recurrent);
  if (status != kTfLiteOk) return status;
  const int dims[2] = {2, (int)rows};
  TfLiteTensor *bias;
  status = tfp_check_input(context, node, kBias, "bias", kTfLiteFloat32, 2, dims, &bias);
  if (status != kTfLiteOk) return status;
  status = tfp_check_constant(context, node, "bias", bias, (uint64_t)2 * rows * sizeof(float));
  weights->bias = bias->data;
  return status;
}

/* Packs the weights, unless they are those packed before (prepare runs again on every resize). */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, gru_state *state,
                         const tfp_gru_options *options, const tfp_gru_weights *weights) {
  if (state->memory != NULL && memcmp(&state->packed_from, weights, sizeof *weights) == 0) {
    return kTfLiteOk;
  }
  const tfp_variant *variant = node->options.variant;
  tfp_release(state->memory);
  const uint64_t bytes = tfp_gru_bytes(variant, options);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes for packed weights could not be allocated",
                          (unsigned long long)bytes);
  }
  char error[TFP_ERROR_BYTES];
  if (!tfp_gru_prepare(&state->gru, variant, options, weights, state->memory, error,
                       sizeof error)) {
    tfp_release(state->memory);
    state->memory = NULL;
    return tfp_node_error(context, node, "%s", error);
  }
  state->packed_from = *weights;
  return kTfLiteOk;
}

/* Sizes of x and of the outputs must stay inside int, as the runtime's own do. */
static bool sizes_fit(int64_t batch, int64_t time, const tfp_gru_options *options) {
  const int64_t widest = options->units * (int64_t)sizeof(float) > options->input_dim
                             ? options->units * (int64_t)sizeof(float)
                             : options->input_dim;
  return batch <= INT_MAX / widest && time <= INT_MAX / (batch * widest);
}

static TfLiteStatus check_io(TfLiteContext *context, const tfp_node *node, gru_state *state,
                             const tfp_gru_options *options, tfp_gru_weights *weights) {
  const int depth = (int)options->input_dim, units = (int)options->units;
  TfLiteTensor *x, *h0, *y, *last;
  TfLiteStatus status =
      tfp_check_input(context, node, kX, "x", kTfLiteInt8, 3, (const int[]){-1, -1, depth}, &x);
  if (status != kTfLiteOk) return status;
  const int batch = x->dims->data[0], time = x->dims->data[1];
  status = tfp_check_input(context, node, kH0, "h0", kTfLiteFloat32, 2, (const int[]){batch, units},
                           &h0);
  if (status != kTfLiteOk) return status;
  status = tfp_check_per_tensor(context, node, "x", x, &weights->x_scale, &weights->x_zero_point);
  if (status != kTfLiteOk) return status;
  status = tfp_check_output(context, node, kY, "output y", kTfLiteInt8, &y);
  if (status != kTfLiteOk) return status;
  status = tfp_check_output(context, node, kLastState, "output h", kTfLiteFloat32, &last);
  if (status != kTfLiteOk) return status;
  float scale;
  int32_t zero_point;
  status = tfp_check_per_tensor(context, node, "output y", y, &scale, &zero_point);
  if (status != kTfLiteOk) return status;
  if (memcmp(&scale, &options->scale_h, sizeof scale) != 0 || zero_point != 0) {
    return tfp_node_error(context, node,
                          "output y must have the scale of the state, %.9g, and zero point 0; got "
                          "%.9g and %ld",
                          (double)options->scale_h, (double)scale, (long)zero_point);
  }
  if (!sizes_fit(batch, time, options)) {
    return tfp_node_error(context, node, "%d sequences of %d steps are too large", batch, time);
  }
  state->batch = (size_t)batch;
  state->time = (size_t)time;
  status = options->return_sequences
               ? tfp_resize_output(context, y, 3, (const int[]){batch, time, units})
               : tfp_resize_output(context, y, 2, (const int[]){batch, units});
  if (status != kTfLiteOk) return status;
  return tfp_resize_output(context, last, 2, (const int[]){batch, units});
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_gru_options options;
  if (!tfp_gru_options_parse(node->custom_data, node->custom_size, &options, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  if (node->input_count != kInputs || node->output_count != kOutputs) {
    return tfp_node_error(context, node, "expected %d inputs and %d outputs; got %d and %d",
                          kInputs, kOutputs, node->input_count, node->output_count);
  }
  if (node->inputs[kLengths] != kTfLiteOptionalTensor) {
    return tfp_node_error(context, node,
                          "input lengths is reserved in version 1: leave it out (-1)");
  }
  if (node->state == NULL) node->state = calloc(1, sizeof(gru_state));
  gru_state *state = node->state;
  if (state == NULL) return tfp_node_error(context, node, "out of memory");
  tfp_gru_weights weights;
  memset(&weights, 0, sizeof weights); /* padding too, because pack() compares bytes */
  TfLiteStatus status = read_weights(context, node, &options, &weights);
  if (status != kTfLiteOk) return status;
  status = check_io(context, node, state, &options, &weights);
  if (status != kTfLiteOk) return status;
  return pack(context, node, state, &options, &weights);
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const gru_state *state = node->state;
  const TfLiteTensor *tensors = context->tensors;
  const int8_t *x = tensors[node->inputs[kX]].data;
  const float *h0 = tensors[node->inputs[kH0]].data;
  int8_t *y = tensors[node->outputs[kY]].data;
  float *last = tensors[node->outputs[kLastState]].data;
  /* Outputs may lack memory: the runtime gives none to an output that nothing reads. */
  if (state == NULL || state->memory == NULL || x == NULL || h0 == NULL) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  tfp_gru_run(&state->gru, state->batch, state->time, x, h0, y, last);
  return kTfLiteOk;
}

const tfp_op tfp_op_gru = {
    .name = "tfpipeline.gru", .prepare = prepare, .invoke = invoke, .release = release};
