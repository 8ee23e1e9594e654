/* tfpipeline.fully_connected and the builtin FULLY_CONNECTED as nodes of a graph. */
#include <stdlib.h>
#include <string.h>

#include "../../kernels/common/tfp_assert.h"
#include "../tfp_memory.h"
#include "../tfp_node_kinds.h"
#include "tfp_builtin_fully_connected.h"
#include "tfp_fully_connected_read.h"

typedef struct fully_connected_state {
  union {
    tfp_fully_connected op;
    tfp_fully_connected_u8 u8; /* where packed_from.is_unsigned */
  };
  void *memory;
  tfp_fully_connected_plan packed_from; /* what `memory` was packed from; its batch is 0 */
  size_t batch;
} fully_connected_state;

static void release(void *pointer) {
  fully_connected_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

/* Packs the weights, unless they are packed already: a new batch needs no new weights. */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, fully_connected_state *state,
                         tfp_fully_connected_plan *plan) {
  state->batch = plan->batch;
  plan->batch = 0;
  if (state->memory != NULL && memcmp(&state->packed_from, plan, sizeof *plan) == 0) {
    return kTfLiteOk;
  }
  tfp_release(state->memory);
  const tfp_variant *variant = node->options.variant;
  const size_t threads = node->parallel.threads;
  tfp_fully_connected_u8_shape u8 = {0};
  if (plan->is_unsigned) {
    u8 = tfp_fully_connected_u8_measure(variant, plan->shape.rows, plan->shape.depth,
                                        plan->u8.values);
  }
  const uint64_t bytes = plan->is_unsigned
                             ? tfp_fully_connected_u8_bytes(variant, &u8, threads)
                             : tfp_fully_connected_bytes(variant, &plan->shape, threads);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes of memory could not be allocated",
                          (unsigned long long)bytes);
  }
  if (plan->is_unsigned) {
    tfp_fully_connected_u8_prepare(&state->u8, variant, &u8, threads, &plan->u8, state->memory);
  } else {
    tfp_fully_connected_prepare(&state->op, variant, &plan->shape, threads, &plan->weights,
                                state->memory);
  }
  state->packed_from = *plan;
  return kTfLiteOk;
}

/* Sizes y and packs the weights of a plan that was read. */
static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node,
                            tfp_fully_connected_plan *plan) {
  if (node->state == NULL) node->state = calloc(1, sizeof(fully_connected_state));
  if (node->state == NULL) return tfp_node_error(context, node, "out of memory");
  const TfLiteStatus status = tfp_resize_fully_connected(context, node, plan);
  return status == kTfLiteOk ? pack(context, node, node->state, plan) : status;
}

static TfLiteStatus prepare_custom(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_fully_connected_plan plan;
  memset(&plan, 0, sizeof plan); /* padding too, because pack() compares bytes */
  if (!tfp_read_fully_connected(context, node, &plan, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  return prepare(context, node, &plan);
}

static TfLiteStatus prepare_builtin(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_fully_connected_plan plan;
  memset(&plan, 0, sizeof plan);
  if (!tfp_read_builtin_fully_connected(context, node->inputs, node->input_count, node->outputs,
                                        node->output_count, node->builtin_data, &plan, error,
                                        sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  return prepare(context, node, &plan);
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const fully_connected_state *state = node->state;
  const void *x = context->tensors[node->inputs[0]].data;
  void *y = context->tensors[node->outputs[0]].data;
  if (state == NULL || state->memory == NULL || x == NULL) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  TFP_ASSERT(state->batch > 0);
  if (y == NULL) return kTfLiteOk;
  if (state->packed_from.is_unsigned) {
    tfp_fully_connected_u8_run(&state->u8, state->batch, x, y, &node->parallel);
  } else {
    tfp_fully_connected_run(&state->op, state->batch, x, y, &node->parallel);
  }
  return kTfLiteOk;
}

static bool may_be_sparse(const tfp_node *node, int input) {
  (void)node;
  return input == 1;
}

const tfp_node_kind tfp_fully_connected_kind = {.threaded = true,
                                                .prepare = prepare_custom,
                                                .invoke = invoke,
                                                .release = release,
                                                .may_be_sparse = may_be_sparse};

const tfp_node_kind tfp_builtin_fully_connected_kind = {
    .threaded = true, .prepare = prepare_builtin, .invoke = invoke, .release = release};
