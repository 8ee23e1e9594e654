/* tfpipeline.embedding as a node of a graph. */
#include <stdlib.h>
#include <string.h>

#include "../../kernels/common/tfp_assert.h"
#include "../tfp_check.h"
#include "../tfp_memory.h"
#include "../tfp_node_kinds.h"
#include "tfp_embedding_plan.h"

typedef struct embedding_state {
  tfp_embedding op;
  void *memory;
  size_t count;
} embedding_state;

static void release(void *pointer) {
  embedding_state *state = pointer;
  if (state == NULL) return;
  tfp_release(state->memory);
  free(state);
}

static TfLiteStatus resize(TfLiteContext *context, const tfp_node *node,
                           const tfp_embedding_plan *plan) {
  const TfLiteIntArray *dims = tfp_node_input(context, node, 0)->dims;
  int to[TFP_MAX_RANK];
  TFP_ASSERT(dims->size < TFP_MAX_RANK);
  memcpy(to, dims->data, (size_t)dims->size * sizeof(int));
  /* A mean stands where its words were. */
  const int rank = plan->shape.mean == TFP_MEAN_NONE ? dims->size + 1 : dims->size;
  to[rank - 1] = (int)(plan->shape.has_product ? plan->shape.product.rows : plan->shape.width);
  return tfp_resize_output(context, tfp_node_output(context, node, 0), rank, to);
}

/* The matrix is small, and packed anew at every prepare. */
static TfLiteStatus pack(TfLiteContext *context, const tfp_node *node, embedding_state *state,
                         const tfp_embedding_plan *plan) {
  const tfp_variant *variant = node->options.variant;
  const uint64_t bytes = tfp_embedding_bytes(variant, &plan->shape);
  tfp_release(state->memory);
  state->memory = tfp_allocate(bytes);
  if (state->memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes of memory could not be allocated",
                          (unsigned long long)bytes);
  }
  tfp_embedding_prepare(&state->op, variant, &plan->shape, &plan->weights, state->memory);
  state->count = plan->count;
  return kTfLiteOk;
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  char error[TFP_ERROR_BYTES];
  tfp_embedding_plan plan;
  memset(&plan, 0, sizeof plan);
  if (!tfp_read_embedding(context, node, &plan, error, sizeof error)) {
    return tfp_node_error(context, node, "%s", error);
  }
  if (node->state == NULL) node->state = calloc(1, sizeof(embedding_state));
  if (node->state == NULL) return tfp_node_error(context, node, "out of memory");
  const TfLiteStatus status = resize(context, node, &plan);
  return status == kTfLiteOk ? pack(context, node, node->state, &plan) : status;
}

static TfLiteStatus refuse(TfLiteContext *context, const tfp_node *node, const tfp_embedding *op,
                           int32_t id, size_t place) {
  if (id < 0 || (size_t)id >= op->shape.vocabulary) {
    return tfp_node_error(context, node, "id %ld at position %lu must lie in [0, %lu]", (long)id,
                          (unsigned long)place, (unsigned long)op->shape.vocabulary - 1);
  }
  const float scale = op->scales[op->scale_count > 1 ? (size_t)id : 0];
  return tfp_node_error(context, node, "the scale of row %ld is %g, out of [2^-40, 2^40]", (long)id,
                        (double)scale);
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const embedding_state *state = node->state;
  const int32_t *ids = context->tensors[node->inputs[0]].data;
  void *y = context->tensors[node->outputs[0]].data;
  if (state == NULL || state->memory == NULL || ids == NULL) {
    return tfp_node_error(context, node, "a tensor has no memory: were tensors allocated?");
  }
  TFP_ASSERT(state->count > 0);
  const size_t bad = tfp_embedding_find_bad(&state->op, state->count, ids);
  if (bad < state->count) return refuse(context, node, &state->op, ids[bad], bad);
  if (y != NULL) tfp_embedding_run(&state->op, state->count, ids, y);
  return kTfLiteOk;
}

static bool may_be_sparse(const tfp_node *node, int input) {
  (void)node;
  return input == 3;
}

const tfp_node_kind tfp_embedding_kind = {
    .prepare = prepare, .invoke = invoke, .release = release, .may_be_sparse = may_be_sparse};
