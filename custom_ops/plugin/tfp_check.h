/* Checks of tensors in prepare: each failure names the tensor, what was expected and what came. */
#ifndef TFP_CHECK_H_
#define TFP_CHECK_H_

#include "tfp_node.h"

/* Input `i`, refused when it is missing, of another type, or of other dimensions. */
TfLiteStatus tfp_check_input(TfLiteContext *context, const tfp_node *node, int i, const char *name,
                             TfLiteType type, int rank, const int *dims, TfLiteTensor **tensor);

/* Output `i` with its type; its dimensions are set by tfp_resize_output. */
TfLiteStatus tfp_check_output(TfLiteContext *context, const tfp_node *node, int i, const char *name,
                              TfLiteType type, TfLiteTensor **tensor);

/* A constant of the model with all its data there. `bytes` is what its dimensions need. */
TfLiteStatus tfp_check_constant(TfLiteContext *context, const tfp_node *node, const char *name,
                                const TfLiteTensor *tensor, uint64_t bytes);

/* One scale and one zero point for the whole tensor. */
TfLiteStatus tfp_check_per_tensor(TfLiteContext *context, const tfp_node *node, const char *name,
                                  const TfLiteTensor *tensor, float *scale, int32_t *zero_point);

/* `rows` scales along dimension 0, or one for all rows; zero points all 0. */
TfLiteStatus tfp_check_per_row(TfLiteContext *context, const tfp_node *node, const char *name,
                               const TfLiteTensor *tensor, int rows, const float **scales,
                               bool *one_scale);

/* Gives an output its dimensions. */
TfLiteStatus tfp_resize_output(TfLiteContext *context, TfLiteTensor *tensor, int rank,
                               const int *dims);

#endif
