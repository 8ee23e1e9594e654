/* A recurrent op of any cell as a node of a graph: checks of tensors, then
 * custom_ops/ops/recurrent. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/common/tfp_assert.h"
#include "../ops/recurrent/tfp_recurrent.h"
#include "tfp_check.h"
#include "tfp_memory.h"
#include "tfp_node_kinds.h"
#include "tfp_recurrent_weights.h"

typedef struct recurrent_state {
  tfp_recurrent op;
  void *memory;
  tfp_recurrent_weights packed_from; /* what `memory` was packed from */
  size_t batch;
  size_t time;
} recurrent_state;

static void release(void *pointer) {
  recurrent_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

/* Packs the weights, unless they are those packed before (prepare runs again on every resize). */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, recurrent_state *state,
                         const tfp_recurrent_options *options,
                         const tfp_recurrent_weights *weights) {
  if (state->memory != NULL && memcmp(&state->packed_from, weights, sizeof *weights) == 0) {
    return kTfLiteOk;
  }
  const tfp_variant *variant = node->options.variant;
  tfp_release(state->memory);
  const uint64_t bytes = tfp_recurrent_bytes(variant, cell_of(node), options, weights);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes for packed weights could not be allocated",
                          (unsigned long long)bytes);
  }
  tfp_recurrent_weights dense = *weights;
  void *expanded;
  TfLiteStatus status = tfp_expand_recurrent_weights(context, node, &dense, &expanded);
  char error[TFP_ERROR_BYTES];
  if (status == kTfLiteOk && !tfp_recurrent_prepare(&state->op, variant, cell_of(node), options,
                                                    &dense, state->memory, error, sizeof error)) {
    status = tfp_node_error(context, node, "%s", error);
  }
  tfp_release(expanded);
  if (status != kTfLiteOk) {
    tfp_release(state->memory);
    state->memory = NULL;
    return status;
  }
  state->packed_from = *weights;
  return kTfLiteOk;
}

/* Sizes of x and of the outputs must stay inside int, as the runtime's own do. */
static bool sizes_fit(int64_t batch, int64_t time, const tfp_recurrent_options *options) {
  const int64_t widest = options->units * (int64_t)sizeof(float) > options->input_dim
                             ? options->units * (int64_t)sizeof(float)
                             : options->input_dim;
  return batch <= INT_MAX / widest && time <= INT_MAX / (batch * widest);
}

static TfLiteStatus check_y(TfLiteContext *context, const tfp_node *node,
                            const tfp_recurrent_options *options, TfLiteTensor **y) {
  TfLiteStatus status = tfp_check_output(context, node, kY, "output y", kTfLiteInt8, y);
  if (status != kTfLiteOk) return status;
  float scale;
  int32_t zero_point;
  status = tfp_check_per_tensor(context, node, "output y", *y, &scale, &zero_point);
  if (status != kTfLiteOk) return status;
  if (memcmp(&scale, &options->scale_h, sizeof scale) != 0 || zero_point != 0) {
    return tfp_node_error(context, node,
                          "output y must have the scale of the state, %.9g, and zero point 0; got "
                          "%.9g and %ld",
                          (double)options->scale_h, (double)scale, (long)zero_point);
  }
  return kTfLiteOk;
}

/* The optional lengths: one a sequence, in a tensor that may change from run to run. */
static TfLiteStatus check_lengths(TfLiteContext *context, const tfp_node *node, int batch) {
  const int i = input_after_states(node, kLengths);
  TfLiteTensor *lengths;
  if (node->inputs[i] == kTfLiteOptionalTensor) return kTfLiteOk;
  return tfp_check_input(context, node, i, "lengths", kTfLiteInt32, 1, (const int[]){batch},
                         &lengths);
}

/* State `i` before and after: "h0" and "output h". */
static TfLiteStatus check_state(TfLiteContext *context, const tfp_node *node, int i, int batch,
                                int units, TfLiteTensor **final_state) {
  char name[32];
  TfLiteTensor *initial_state;
  snprintf(name, sizeof name, "%s0", cell_of(node)->state_names[i]);
  const TfLiteStatus status = tfp_check_input(context, node, 1 + i, name, kTfLiteFloat32, 2,
                                              (const int[]){batch, units}, &initial_state);
  if (status != kTfLiteOk) return status;
  snprintf(name, sizeof name, "output %s", cell_of(node)->state_names[i]);
  return tfp_check_output(context, node, 1 + i, name, kTfLiteFloat32, final_state);
}

static TfLiteStatus check_io(TfLiteContext *context, const tfp_node *node, recurrent_state *state,
                             const tfp_recurrent_options *options, tfp_recurrent_weights *weights) {
  const int depth = (int)options->input_dim, units = (int)options->units;
  TfLiteTensor *x, *y, *final_states[TFP_MAX_STATES];
  TfLiteStatus status =
      tfp_check_input(context, node, kX, "x", kTfLiteInt8, 3, (const int[]){-1, -1, depth}, &x);
  if (status != kTfLiteOk) return status;
  const int batch = x->dims->data[0], time = x->dims->data[1] - (int)options->window + 1;
  if (time < 1) {
    return tfp_node_error(context, node, "x must have at least %u time steps; got %d",
                          options->window, x->dims->data[1]);
  }
  status = tfp_check_per_tensor(context, node, "x", x, &weights->x_scale, &weights->x_zero_point);
  if (status != kTfLiteOk) return status;
  status = check_y(context, node, options, &y);
  if (status != kTfLiteOk) return status;
  for (int i = 0; i < (int)cell_of(node)->states; ++i) {
    status = check_state(context, node, i, batch, units, &final_states[i]);
    if (status != kTfLiteOk) return status;
  }
  status = check_lengths(context, node, batch);
  if (status != kTfLiteOk) return status;
  if (!sizes_fit(batch, x->dims->data[1], options)) {
    return tfp_node_error(context, node, "%d sequences of %d steps are too large", batch, time);
  }
  state->batch = (size_t)batch;
  state->time = (size_t)time;
  status = options->return_sequences
               ? tfp_resize_output(context, y, 3, (const int[]){batch, time, units})
               : tfp_resize_output(context, y, 2, (const int[]){batch, units});
  for (size_t i = 0; status == kTfLiteOk && i < cell_of(node)->states; ++i) {
    status = tfp_resize_output(context, final_states[i], 2, (const int[]){batch, units});
  }
  return status;
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  const tfp_cell *cell = cell_of(node);
  TFP_ASSERT(cell != NULL && cell->states >= 1 && cell->states <= TFP_MAX_STATES);
  TFP_ASSERT(input_after_states(node, kGains) < TFP_MAX_NODE_TENSORS);
  char error[TFP_ERROR_BYTES];
  tfp_recurrent_options options;
  if (!tfp_recurrent_options_parse(cell, node->custom_data, node->custom_size, &options, error,
                                   sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  const int inputs = input_after_states(node, kGains) + (options.layer_norm ? 1 : 0);
  const int outputs = 1 + (int)cell->states;
  if (node->input_count != inputs || node->output_count != outputs) {
    return tfp_node_error(context, node, "expected %d inputs and %d outputs; got %d and %d", inputs,
                          outputs, node->input_count, node->output_count);
  }
  if (node->state == NULL) node->state = calloc(1, sizeof(recurrent_state));
  recurrent_state *state = node->state;
  if (state == NULL) return tfp_node_error(context, node, "out of memory");
  tfp_recurrent_weights weights;
  memset(&weights, 0, sizeof weights); /* padding too, because pack() compares bytes */
  TfLiteStatus status = tfp_read_recurrent_weights(context, node, &options, &weights);
  if (status != kTfLiteOk) return status;
  status = check_io(context, node, state, &options, &weights);
  if (status != kTfLiteOk) return status;
  return pack(context, node, state, &options, &weights);
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const recurrent_state *state = node->state;
  const TfLiteTensor *tensors = context->tensors;
  const int lengths = node->inputs[input_after_states(node, kLengths)];
  const float *initial_states[TFP_MAX_STATES];
  float *final_states[TFP_MAX_STATES];
  /* Outputs may lack memory: the runtime gives none to an output that nothing reads. */
  const tfp_recurrent_io io = {
      .batch = state != NULL ? state->batch : 0,
      .time = state != NULL ? state->time : 0,
      .x = tensors[node->inputs[kX]].data,
      .lengths = lengths != kTfLiteOptionalTensor ? tensors[lengths].data : NULL,
      .first = initial_states,
      .y = tensors[node->outputs[kY]].data,
      .last = final_states,
  };
  bool complete = state != NULL && state->memory != NULL && io.x != NULL &&
                  (io.lengths != NULL || lengths == kTfLiteOptionalTensor);
  for (size_t i = 0; i < cell_of(node)->states; ++i) {
    initial_states[i] = tensors[node->inputs[1 + i]].data;
    final_states[i] = tensors[node->outputs[1 + i]].data;
    complete = complete && initial_states[i] != NULL;
  }
  if (!complete) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  tfp_recurrent_run(&state->op, &io, &node->parallel);
  return kTfLiteOk;
}

static bool may_be_sparse(const tfp_node *node, int input) {
  return input >= input_after_states(node, kW1) && input <= input_after_states(node, kU2);
}

const tfp_node_kind tfp_recurrent_kind = {.threaded = true,
                                          .prepare = prepare,
                                          .invoke = invoke,
                                          .release = release,
                                          .may_be_sparse = may_be_sparse};
