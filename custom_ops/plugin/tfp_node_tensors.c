#include "tfp_node_tensors.h"

#include <stdio.h>

#include "tfp_tensor.h"

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

/* The position of `index` among the first `count`, or -1. */
static int position_of(int index, const int *indices, int count) {
  for (int i = 0; i < count; ++i) {
    if (indices[i] == index) return i;
  }
  return -1;
}

/* A runtime lets a constant pass as an output where nothing changes its size, and an output that
 * is an input too would change the input's size after it was checked. */
static bool output_is_valid(const TfLiteContext *context, const int *inputs, int input_count,
                            const int *outputs, int i, char *error, size_t error_size) {
  const TfLiteTensor *tensor = tfp_tensor_at(context, outputs[i]);
  if (tensor == NULL) return true;
  if (tensor->allocation_type == kTfLiteMmapRo) {
    REFUSE("output %d must not be a constant of the model", i);
  }
  const int input = position_of(outputs[i], inputs, input_count);
  if (input >= 0) REFUSE("output %d and input %d must not be one tensor", i, input);
  const int other = position_of(outputs[i], outputs, i);
  if (other >= 0) REFUSE("outputs %d and %d must not be one tensor", other, i);
  return true;
}

static bool is_valid(const TfLiteContext *context, const int *inputs, int input_count,
                     const int *outputs, int output_count, char *error, size_t error_size) {
  for (int i = 0; i < output_count; ++i) {
    if (!output_is_valid(context, inputs, input_count, outputs, i, error, error_size)) return false;
  }
  for (int i = 0; i < input_count; ++i) {
    const TfLiteTensor *tensor = tfp_tensor_at(context, inputs[i]);
    if (tensor == NULL || (tensor->type != kTfLiteFloat32 && tensor->type != kTfLiteInt32)) {
      continue;
    }
    if (tensor->allocation_type == kTfLiteMmapRo && (uintptr_t)tensor->data % sizeof(float) != 0) {
      REFUSE("input %d must begin at a multiple of 4 bytes in the model", i);
    }
  }
  return true;
}

bool tfp_tensors_are_valid(const TfLiteContext *context, const TfLiteIntArray *inputs,
                           const TfLiteIntArray *outputs, char *error, size_t error_size) {
  if (inputs == NULL || outputs == NULL) REFUSE("a node without inputs or outputs");
  return is_valid(context, inputs->data, inputs->size, outputs->data, outputs->size, error,
                  error_size);
}

/* The number of indices that a node keeps. */
static int kept(int count) {
  return count < TFP_MAX_NODE_TENSORS ? count : TFP_MAX_NODE_TENSORS;
}

bool tfp_node_is_valid(const TfLiteContext *context, const tfp_node *node, char *error,
                       size_t error_size) {
  return is_valid(context, node->inputs, kept(node->input_count), node->outputs,
                  kept(node->output_count), error, error_size);
}

/* What a shape needs, in types of whole bytes; 0 for others, whose ops know better. */
static uint64_t bytes_needed(const TfLiteTensor *tensor) {
  const bool is_word = tensor->type == kTfLiteFloat32 || tensor->type == kTfLiteInt32;
  uint64_t bytes = is_word ? 4 : tensor->type == kTfLiteInt8 || tensor->type == kTfLiteUInt8;
  for (int i = 0; tensor->dims != NULL && i < tensor->dims->size; ++i) {
    /* Ends before it wraps: no constant is that large. */
    if (tensor->dims->data[i] < 0 || bytes > UINT32_MAX) return UINT64_MAX;
    bytes *= (uint64_t)tensor->dims->data[i];
  }
  return bytes;
}

bool tfp_constants_are_complete(const TfLiteContext *context, const tfp_node *node, char *error,
                                size_t error_size) {
  for (int i = 0; i < kept(node->input_count); ++i) {
    const TfLiteTensor *tensor = tfp_tensor_at(context, node->inputs[i]);
    if (tensor == NULL || tensor->allocation_type != kTfLiteMmapRo) continue;
    if (tensor->sparsity != NULL) {
      const tfp_node_kind *kind = node->op.kind;
      if (kind->may_be_sparse != NULL && kind->may_be_sparse(node, i)) continue;
      REFUSE("input %d must not be sparse", i);
    }
    if (tensor->bytes < bytes_needed(tensor)) {
      REFUSE("input %d must hold as many bytes as its shape needs; got %lu", i,
             (unsigned long)tensor->bytes);
    }
  }
  return true;
}

static size_t bytes_of(const TfLiteContext *context, int index) {
  const TfLiteTensor *tensor = tfp_tensor_at(context, index);
  return tensor == NULL ? 0 : tensor->bytes;
}

void tfp_keep_sizes(const TfLiteContext *context, tfp_node *node) {
  for (int i = 0; i < kept(node->input_count); ++i) {
    node->input_bytes[i] = bytes_of(context, node->inputs[i]);
  }
  for (int i = 0; i < kept(node->output_count); ++i) {
    node->output_bytes[i] = bytes_of(context, node->outputs[i]);
  }
}

bool tfp_sizes_are_kept(const TfLiteContext *context, const tfp_node *node) {
  for (int i = 0; i < kept(node->input_count); ++i) {
    if (bytes_of(context, node->inputs[i]) < node->input_bytes[i]) return false;
  }
  for (int i = 0; i < kept(node->output_count); ++i) {
    if (bytes_of(context, node->outputs[i]) < node->output_bytes[i]) return false;
  }
  return true;
}
