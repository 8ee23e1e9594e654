#include "tfp_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/common/tfp_assert.h"
#include "tfp_tensor.h"

static const char *type_name(TfLiteType type) {
  switch (type) {
    case kTfLiteFloat32:
      return "float32";
    case kTfLiteInt32:
      return "int32";
    case kTfLiteInt8:
      return "int8";
    case kTfLiteUInt8:
      return "uint8";
    case kTfLiteInt64:
      return "int64";
    default:
      return "another type";
  }
}

/* Writes dimensions as "[1, 98, 40]"; a dimension of -1 stands for any. */
static void write_dims(const int *dims, int rank, char *out, size_t size) {
  size_t used = 0;
  snprintf(out, size, "[");
  for (int i = 0; i < rank && i < 8; ++i) {
    used = strlen(out);
    if (dims[i] < 0) {
      snprintf(out + used, size - used, "%sany", i > 0 ? ", " : "");
    } else {
      snprintf(out + used, size - used, "%s%d", i > 0 ? ", " : "", dims[i]);
    }
  }
  used = strlen(out);
  snprintf(out + used, size - used, rank > 8 ? ", ...]" : "]");
}

static TfLiteStatus check_type(TfLiteContext *context, const tfp_node *node, const char *name,
                               TfLiteType type, const TfLiteTensor *tensor) {
  if (tensor == NULL) return tfp_node_error(context, node, "%s is missing", name);
  if (tensor->type != type) {
    return tfp_node_error(context, node, "%s must be %s; got %s (type %d)", name, type_name(type),
                          type_name(tensor->type), (int)tensor->type);
  }
  return kTfLiteOk;
}

TfLiteStatus tfp_check_input(TfLiteContext *context, const tfp_node *node, int i, const char *name,
                             TfLiteType type, int rank, const int *dims, TfLiteTensor **tensor) {
  TFP_ASSERT(rank >= 0 && rank <= 8);
  *tensor = tfp_node_input(context, node, i);
  const TfLiteStatus status = check_type(context, node, name, type, *tensor);
  if (status != kTfLiteOk) return status;
  const TfLiteIntArray *got = (*tensor)->dims;
  bool fits = got != NULL && got->size == rank;
  for (int d = 0; fits && d < rank; ++d) {
    fits = dims[d] < 0 ? got->data[d] > 0 : got->data[d] == dims[d];
  }
  if (fits) return kTfLiteOk;
  char expected[96], received[96] = "no dimensions";
  write_dims(dims, rank, expected, sizeof expected);
  if (got != NULL) write_dims(got->data, got->size, received, sizeof received);
  return tfp_node_error(context, node, "%s must have the shape %s; got %s", name, expected,
                        received);
}

TfLiteStatus tfp_check_output(TfLiteContext *context, const tfp_node *node, int i, const char *name,
                              TfLiteType type, TfLiteTensor **tensor) {
  *tensor = tfp_node_output(context, node, i);
  return check_type(context, node, name, type, *tensor);
}

TfLiteStatus tfp_check_constant(TfLiteContext *context, const tfp_node *node, const char *name,
                                const TfLiteTensor *tensor, uint64_t bytes) {
  TFP_ASSERT(tensor != NULL && bytes > 0);
  if (tensor->allocation_type != kTfLiteMmapRo) {
    return tfp_node_error(context, node, "%s must be a constant of the model", name);
  }
  if (tensor->data == NULL || tensor->bytes != bytes) {
    return tfp_node_error(context, node, "%s must hold %llu bytes of data; got %lu", name,
                          (unsigned long long)bytes,
                          (unsigned long)(tensor->data == NULL ? 0 : tensor->bytes));
  }
  return kTfLiteOk;
}

TfLiteStatus tfp_check_per_tensor(TfLiteContext *context, const tfp_node *node, const char *name,
                                  const TfLiteTensor *tensor, float *scale, int32_t *zero_point) {
  const TfLiteAffineQuantization *q = tfp_per_tensor_quantization(tensor);
  if (q == NULL) {
    const TfLiteAffineQuantization *other = tfp_affine_quantization(tensor);
    return tfp_node_error(context, node, "%s must have one scale and one zero point; got %d", name,
                          other == NULL ? 0 : other->scale->size);
  }
  *scale = q->scale->data[0];
  *zero_point = q->zero_point->data[0];
  return kTfLiteOk;
}

TfLiteStatus tfp_check_per_row(TfLiteContext *context, const tfp_node *node, const char *name,
                               const TfLiteTensor *tensor, int rows, const float **scales,
                               bool *one_scale) {
  const TfLiteAffineQuantization *q = tfp_affine_quantization(tensor);
  const int count = q == NULL ? 0 : q->scale->size;
  /* LiteRT 1.4 keeps one zero point for all rows where they are equal. */
  if ((count != rows && count != 1) || (q->zero_point->size != count && q->zero_point->size != 1) ||
      q->quantized_dimension != 0) {
    return tfp_node_error(context, node,
                          "%s must have one scale, or %d scales along dimension 0; got %d along %d",
                          name, rows, count, q == NULL ? 0 : q->quantized_dimension);
  }
  for (int i = 0; i < q->zero_point->size; ++i) {
    if (q->zero_point->data[i] != 0) {
      return tfp_node_error(context, node, "%s must have zero points 0; got %d in row %d", name,
                            q->zero_point->data[i], i);
    }
  }
  *scales = q->scale->data;
  *one_scale = count == 1;
  return kTfLiteOk;
}

TfLiteStatus tfp_resize_output(TfLiteContext *context, TfLiteTensor *tensor, int rank,
                               const int *dims) {
  TFP_ASSERT(tensor != NULL && rank > 0);
  for (int i = 0; i < rank; ++i) TFP_ASSERT(dims[i] > 0);
  /* The runtime takes this over and frees it. */
  TfLiteIntArray *size = malloc(sizeof *size + (size_t)rank * sizeof(int));
  if (size == NULL) return kTfLiteError;
  size->size = rank;
  memcpy(size->data, dims, (size_t)rank * sizeof(int));
  return context->ResizeTensor(context, tensor, size);
}
