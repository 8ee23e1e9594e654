/* UNIDIRECTIONAL_SEQUENCE_LSTM of any model as a node of a graph: its states stay in the runtime's
 * variables. */
#include <stdlib.h>
#include <string.h>

#include "../tfp_check.h"
#include "../tfp_memory.h"
#include "../tfp_node_kinds.h"
#include "tfp_builtin_lstm_plan.h"

typedef struct lstm_state {
  tfp_builtin_lstm op;
  void *memory;
  tfp_lstm_plan packed_from; /* of any time */
  size_t time;
} lstm_state;

static void release(void *pointer) {
  lstm_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

/* Packs the weights, unless they are packed already: prepare runs again on every resize. */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, lstm_state *state,
                         tfp_lstm_plan *plan) {
  state->time = plan->time;
  plan->time = 0;
  if (state->memory != NULL && memcmp(&state->packed_from, plan, sizeof *plan) == 0) {
    return kTfLiteOk;
  }
  const tfp_variant *variant = node->options.variant;
  tfp_release(state->memory);
  const uint64_t bytes = tfp_builtin_lstm_bytes(variant, &plan->layer, plan->batch);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes of memory could not be allocated",
                          (unsigned long long)bytes);
  }
  tfp_builtin_lstm_prepare(&state->op, variant, &plan->layer, plan->batch, state->memory);
  state->packed_from = *plan;
  return kTfLiteOk;
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_lstm_plan plan;
  memset(&plan, 0, sizeof plan); /* padding too, because pack() compares bytes */
  const tfp_lstm_node read = {.inputs = node->inputs,
                              .outputs = node->outputs,
                              .intermediates = node->intermediates,
                              .input_count = node->input_count,
                              .output_count = node->output_count,
                              .intermediate_count = node->intermediate_count,
                              .parameters = node->builtin_data};
  if (!tfp_read_builtin_lstm(context, &read, node->options.variant, &plan, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  if (node->state == NULL) node->state = calloc(1, sizeof(lstm_state));
  if (node->state == NULL) return tfp_node_error(context, node, "out of memory");
  const int first = (int)(plan.time_major ? plan.time : plan.batch);
  const int second = (int)(plan.time_major ? plan.batch : plan.time);
  const TfLiteStatus status =
      tfp_resize_output(context, tfp_node_output(context, node, 0), 3,
                        (const int[]){first, second, (int)plan.layer.outputs});
  return status == kTfLiteOk ? pack(context, node, node->state, &plan) : status;
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const lstm_state *state = node->state;
  const TfLiteTensor *tensors = context->tensors;
  if (state == NULL || state->memory == NULL) {
    return tfp_node_error(context, node, "weights are not packed: were tensors allocated?");
  }
  const tfp_builtin_lstm_io io = {.batch = state->packed_from.batch,
                                  .time = state->time,
                                  .time_major = state->packed_from.time_major,
                                  .x = tensors[node->inputs[kTfpLstmX]].data,
                                  .h = tensors[node->inputs[kTfpLstmH]].data,
                                  .cell = tensors[node->inputs[kTfpLstmCell]].data,
                                  .y = tensors[node->outputs[0]].data};
  if (io.x == NULL || io.h == NULL || io.cell == NULL) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  tfp_builtin_lstm_run(&state->op, &io);
  return kTfLiteOk;
}

const tfp_node_kind tfp_builtin_lstm_kind = {
    .prepare = prepare, .invoke = invoke, .release = release};
