#include "tfp_tensor.h"

TfLiteTensor *tfp_tensor_at(const TfLiteContext *context, int index) {
  if (index < 0 || (size_t)index >= context->tensors_size) return NULL;
  return &context->tensors[index];
}

const TfLiteAffineQuantization *tfp_affine_quantization(const TfLiteTensor *tensor) {
  if (tensor->quantization.type != kTfLiteAffineQuantization) return NULL;
  const TfLiteAffineQuantization *q = tensor->quantization.params;
  return q != NULL && q->scale != NULL && q->zero_point != NULL ? q : NULL;
}

const TfLiteAffineQuantization *tfp_per_tensor_quantization(const TfLiteTensor *tensor) {
  const TfLiteAffineQuantization *q = tfp_affine_quantization(tensor);
  return q != NULL && q->scale->size == 1 && q->zero_point->size == 1 ? q : NULL;
}
