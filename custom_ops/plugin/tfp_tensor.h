/* Reading a runtime's tensors, whoever asks. */
#ifndef TFP_TENSOR_H_
#define TFP_TENSOR_H_

#include "tfp_tflite_abi.h"

/* The tensor of `index`, or NULL when it is optional and left out, or out of range. */
TfLiteTensor *tfp_tensor_at(const TfLiteContext *context, int index);

/* The affine quantization of a tensor, or NULL when it has none or another kind. */
const TfLiteAffineQuantization *tfp_affine_quantization(const TfLiteTensor *tensor);

/* The same where it is one scale and one zero point, else NULL. */
const TfLiteAffineQuantization *tfp_per_tensor_quantization(const TfLiteTensor *tensor);

#endif
