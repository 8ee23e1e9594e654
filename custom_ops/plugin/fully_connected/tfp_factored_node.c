/* tfpipeline.factored_fully_connected as a node of a graph. */
#include <stdlib.h>
#include <string.h>

#include "../../kernels/common/tfp_assert.h"
#include "../tfp_memory.h"
#include "../tfp_node_kinds.h"
#include "tfp_factored_plan.h"

typedef struct factored_state {
  tfp_factored op;
  void *memory;
  tfp_factored_plan packed_from; /* what `memory` was packed from; its batch is 0 */
  size_t batch;
} factored_state;

static void release(void *pointer) {
  factored_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

/* Packs the weights, unless they are packed already: a new batch needs no new weights. */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, factored_state *state,
                         tfp_factored_plan *plan) {
  state->batch = plan->last.batch;
  plan->last.batch = 0;
  if (state->memory != NULL && memcmp(&state->packed_from, plan, sizeof *plan) == 0) {
    return kTfLiteOk;
  }
  tfp_release(state->memory);
  const tfp_variant *variant = node->options.variant;
  const size_t threads = node->parallel.threads;
  const tfp_fully_connected_shape shapes[] = {plan->first.shape, plan->last.shape};
  const tfp_fully_connected_weights weights[] = {plan->first.weights, plan->last.weights};
  const uint64_t bytes = tfp_factored_bytes(variant, &shapes[0], &shapes[1], threads);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes of memory could not be allocated",
                          (unsigned long long)bytes);
  }
  tfp_factored_prepare(&state->op, variant, shapes, threads, weights, state->memory);
  state->packed_from = *plan;
  return kTfLiteOk;
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_factored_plan plan;
  memset(&plan, 0, sizeof plan); /* padding too, because pack() compares bytes */
  if (!tfp_read_factored(context, node, &plan, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  if (node->state == NULL) node->state = calloc(1, sizeof(factored_state));
  if (node->state == NULL) return tfp_node_error(context, node, "out of memory");
  const TfLiteStatus status = tfp_resize_fully_connected(context, node, &plan.last);
  return status == kTfLiteOk ? pack(context, node, node->state, &plan) : status;
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const factored_state *state = node->state;
  const void *x = context->tensors[node->inputs[0]].data;
  void *y = context->tensors[node->outputs[0]].data;
  if (state == NULL || state->memory == NULL || x == NULL) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  TFP_ASSERT(state->batch > 0);
  if (y != NULL) tfp_factored_run(&state->op, state->batch, x, y, &node->parallel);
  return kTfLiteOk;
}

static bool may_be_sparse(const tfp_node *node, int input) {
  (void)node;
  return input == 1 || input == 2;
}

const tfp_node_kind tfp_factored_kind = {.threaded = true,
                                         .prepare = prepare,
                                         .invoke = invoke,
                                         .release = release,
                                         .may_be_sparse = may_be_sparse};
