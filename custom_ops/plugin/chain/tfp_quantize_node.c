/* QUANTIZE of float32 and DEQUANTIZE of int8 as nodes of a chain: the bits of XNNPACK, which runs
 * them in LiteRT where they stand alone. */
#include "tfp_quantize_node.h"

#include <stdlib.h>
#include <string.h>

#include "../tfp_tensor.h"

/* Values of a pass: a number that compilers know, so that they use vectors. */
enum { kPass = 16 };
/* Added to a number of less than 2^22 it rounds to a whole one, ties to even, and its lowest bits
 * are that number. */
static const float kMagic = 12582912.0f;

/* Between these neither a scale nor its inverse is subnormal. */
static const float kLeastScale = 1.2e-38f, kMostScale = 8.3e37f;

typedef struct quantize_state {
  size_t count;
  float scale;
  float zero_point;
} quantize_state;

static void release(void *state) {
  free(state);
}

/* Reads the scale and zero point of an int8 tensor; false where they are not those of one tensor,
 * or out of range. */
static bool read_quantization(const TfLiteTensor *levels, quantize_state *state) {
  const TfLiteAffineQuantization *q =
      levels->type == kTfLiteInt8 ? tfp_per_tensor_quantization(levels) : NULL;
  if (q == NULL) return false;
  state->scale = q->scale->data[0];
  const int zero_point = q->zero_point->data[0];
  state->zero_point = (float)zero_point;
  return state->scale >= kLeastScale && state->scale <= kMostScale && zero_point >= INT8_MIN &&
         zero_point <= INT8_MAX;
}

/* The number of values, or -1 where there are none, no dimensions, or too many. */
static int64_t count_of(const TfLiteTensor *tensor) {
  if (tensor->dims == NULL || tensor->dims->size < 1) return -1;
  if (tensor->dims->size > TFP_QUANTIZE_MAX_RANK) return -1;
  int64_t count = 1;
  for (int i = 0; i < tensor->dims->size; ++i) {
    const int dim = tensor->dims->data[i];
    if (dim < 1 || count > INT32_MAX / dim) return -1;
    count *= dim;
  }
  return count;
}

/* The node's real and its int8 side; NULL where the node is none of ours. */
static const TfLiteTensor *side(const TfLiteContext *context, const int *indices, int count,
                                TfLiteType type) {
  const TfLiteTensor *tensor = count == 1 ? tfp_tensor_at(context, indices[0]) : NULL;
  return tensor != NULL && tensor->type == type ? tensor : NULL;
}

/* Whether the runtime may give the tensor another size later: a free number of time steps. */
static bool is_resizable(const TfLiteTensor *tensor) {
  const TfLiteIntArray *signature = tensor->dims_signature;
  for (int i = 0; signature != NULL && i < signature->size; ++i) {
    if (signature->data[i] < 0) return true;
  }
  return false;
}

bool tfp_quantize_is_read(const TfLiteContext *context, const TfLiteNode *node, bool quantizes) {
  if (node->inputs == NULL || node->outputs == NULL) return false;
  const TfLiteTensor *from = side(context, node->inputs->data, node->inputs->size,
                                  quantizes ? kTfLiteFloat32 : kTfLiteInt8);
  const TfLiteTensor *to = side(context, node->outputs->data, node->outputs->size,
                                quantizes ? kTfLiteInt8 : kTfLiteFloat32);
  quantize_state ignored;
  if (from == NULL || to == NULL || !read_quantization(quantizes ? to : from, &ignored))
    return false;
  const int64_t count = count_of(from);
  return count > 0 && count <= TFP_QUANTIZE_MAX_COUNT && !is_resizable(from);
}

static TfLiteStatus prepare(TfLiteContext *context, tfp_node *node, bool quantizes) {
  const TfLiteTensor *from =
      side(context, node->inputs, node->input_count, quantizes ? kTfLiteFloat32 : kTfLiteInt8);
  const TfLiteTensor *to =
      side(context, node->outputs, node->output_count, quantizes ? kTfLiteInt8 : kTfLiteFloat32);
  if (node->state == NULL) node->state = calloc(1, sizeof(quantize_state));
  quantize_state *state = node->state;
  if (state == NULL) return tfp_node_error(context, node, "out of memory");
  state->count = 0;
  if (from == NULL || to == NULL || !read_quantization(quantizes ? to : from, state)) {
    return tfp_node_error(context, node, "expected a tensor in float32 and one in int8");
  }
  const int64_t count = count_of(from);
  if (count < 1) return tfp_node_error(context, node, "the input has no values, or too many");
  state->count = (size_t)count;
  return tfp_resize_output(context, tfp_node_output(context, node, 0), from->dims->size,
                           from->dims->data);
}

static TfLiteStatus prepare_quantize(TfLiteContext *context, tfp_node *node) {
  return prepare(context, node, true);
}

static TfLiteStatus prepare_dequantize(TfLiteContext *context, tfp_node *node) {
  return prepare(context, node, false);
}

/* Returns whether both sides have memory; what nothing reads has none. */
static bool memory(const TfLiteContext *context, const tfp_node *node, const void **from,
                   void **to) {
  *from = context->tensors[node->inputs[0]].data;
  *to = context->tensors[node->outputs[0]].data;
  return *from != NULL && *to != NULL;
}

static void quantize_pass(const float *x, float inverse, float lowest, float highest,
                          int32_t zero_point, int8_t *q) {
  for (int i = 0; i < kPass; ++i) {
    float value = x[i] * inverse;
    /* In this order what is no number becomes the lowest level. */
    value = value > lowest ? value : lowest;
    value = value < highest ? value : highest;
    const float rounded = value + kMagic;
    int32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    q[i] = (int8_t)(bits - 0x4B400000 + zero_point);
  }
}

static TfLiteStatus quantize(TfLiteContext *context, tfp_node *node) {
  const quantize_state *state = node->state;
  const void *from;
  void *to;
  if (!memory(context, node, &from, &to)) return tfp_node_error(context, node, "no memory");
  const float inverse = 1.0f / state->scale;
  const float lowest = -128.0f - state->zero_point, highest = 127.0f - state->zero_point;
  const int32_t zero_point = (int32_t)state->zero_point;
  const float *x = from;
  int8_t *q = to;
  size_t i = 0;
  for (; i + kPass <= state->count; i += kPass) {
    quantize_pass(x + i, inverse, lowest, highest, zero_point, q + i);
  }
  if (i < state->count) {
    float last[kPass] = {0};
    int8_t levels[kPass];
    memcpy(last, x + i, (state->count - i) * sizeof *x);
    quantize_pass(last, inverse, lowest, highest, zero_point, levels);
    memcpy(q + i, levels, state->count - i);
  }
  return kTfLiteOk;
}

static TfLiteStatus dequantize(TfLiteContext *context, tfp_node *node) {
  const quantize_state *state = node->state;
  const void *from;
  void *to;
  if (!memory(context, node, &from, &to)) return tfp_node_error(context, node, "no memory");
  const int8_t *q = from;
  float *y = to;
  for (size_t i = 0; i < state->count; ++i) y[i] = ((float)q[i] - state->zero_point) * state->scale;
  return kTfLiteOk;
}

const tfp_node_kind tfp_quantize_kind = {
    .prepare = prepare_quantize, .invoke = quantize, .release = release};
const tfp_node_kind tfp_dequantize_kind = {
    .prepare = prepare_dequantize, .invoke = dequantize, .release = release};
