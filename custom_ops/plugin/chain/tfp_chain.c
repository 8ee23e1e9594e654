/* A chain as a node of the runtime: prepares and runs its nodes in their order. */
#include "tfp_chain.h"

#include <stdlib.h>

#include "../../kernels/common/tfp_assert.h"
#include "../tfp_run_node.h"

typedef struct chain_state {
  int count;
  tfp_node *nodes[TFP_MAX_CHAIN];
  int temporary_count;
  int temporaries[TFP_MAX_CHAIN * TFP_MAX_NODE_TENSORS];
} chain_state;

static void release(void *pointer) {
  chain_state *state = pointer;
  if (state == NULL) return;
  for (int i = 0; i < state->count; ++i) tfp_node_free(state->nodes[i]);
  free(state);
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node) {
  const chain_state *state = node->state;
  TfLiteStatus status = kTfLiteOk;
  for (int i = 0; status == kTfLiteOk && i < state->count; ++i) {
    status = tfp_prepare_node(context, state->nodes[i]);
  }
  return status;
}

static TfLiteStatus invoke(TfLiteContext *context, tfp_node *node) {
  const chain_state *state = node->state;
  TfLiteStatus status = kTfLiteOk;
  for (int i = 0; status == kTfLiteOk && i < state->count; ++i) {
    status = tfp_invoke_node(context, state->nodes[i]);
  }
  return status;
}

static const tfp_node_kind chain_kind = {.prepare = prepare, .invoke = invoke, .release = release};

static bool holds(const TfLiteIntArray *indices, int index) {
  for (int i = 0; indices != NULL && i < indices->size; ++i) {
    if (indices->data[i] == index) return true;
  }
  return false;
}

/* Outputs of its nodes that the runtime does not count among those of the chain. */
static void find_temporaries(chain_state *state, const TfLiteIntArray *seen) {
  for (int i = 0; i < state->count; ++i) {
    const tfp_node *node = state->nodes[i];
    for (int k = 0; k < node->output_count && k < TFP_MAX_NODE_TENSORS; ++k) {
      if (node->outputs[k] >= 0 && !holds(seen, node->outputs[k])) {
        state->temporaries[state->temporary_count++] = node->outputs[k];
      }
    }
  }
}

tfp_node *tfp_chain_new(tfp_node *const *nodes, int count, const TfLiteDelegateParams *params,
                        const tfp_options *options) {
  TFP_ASSERT(count >= 2 && count <= TFP_MAX_CHAIN);
  /* The runtime and its profiles see the name of our op, not that of a QUANTIZE before it. */
  const tfp_node *named = nodes[0]->op.magic == NULL ? nodes[1] : nodes[0];
  const tfp_op op = {.name = named->op.name, .kind = &chain_kind};
  chain_state *state = calloc(1, sizeof *state);
  tfp_node *chain = state != NULL ? tfp_node_new(&op, options) : NULL;
  if (chain == NULL) {
    for (int i = 0; i < count; ++i) tfp_node_free(nodes[i]);
    free(state);
    return NULL;
  }
  state->count = count;
  for (int i = 0; i < count; ++i) state->nodes[i] = nodes[i];
  find_temporaries(state, params->output_tensors);
  chain->state = state;
  chain->index = named->index;
  return chain;
}

TfLiteStatus tfp_chain_take_temporaries(const tfp_node *node, TfLiteNode *tflite_node) {
  if (node->op.kind != &chain_kind) return kTfLiteOk;
  const chain_state *state = node->state;
  /* Runtimes allocate this array with malloc, and free it with the node. */
  const size_t count = (size_t)state->temporary_count;
  TfLiteIntArray *temporaries = malloc(sizeof *temporaries + count * sizeof(int));
  if (temporaries == NULL) return kTfLiteError;
  temporaries->size = state->temporary_count;
  for (size_t i = 0; i < count; ++i) temporaries->data[i] = state->temporaries[i];
  free(tflite_node->temporaries);
  tflite_node->temporaries = temporaries;
  return kTfLiteOk;
}
