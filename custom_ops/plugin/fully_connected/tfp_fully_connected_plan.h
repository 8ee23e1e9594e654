/* What a fully connected node says, and the readers of its parts, which all ops with fully
 * connected layers share. */
#ifndef TFP_FULLY_CONNECTED_PLAN_H_
#define TFP_FULLY_CONNECTED_PLAN_H_

#include "../../ops/fully_connected/tfp_fully_connected.h"
#include "../../ops/fully_connected/tfp_fully_connected_options.h"
#include "../../ops/fully_connected/tfp_fully_connected_u8.h"
#include "../tfp_node.h"

enum { TFP_MAX_RANK = 8 };

typedef struct tfp_fully_connected_plan {
  tfp_fully_connected_shape shape;
  tfp_fully_connected_weights weights;
  bool is_unsigned; /* x, W and y are uint8, or y int32: see u8 */
  tfp_fully_connected_u8_weights u8;
  tfp_activation activation;
  bool is_builtin;
  bool keep_dims; /* y has the dimensions of x but the last; else [batch, rows] */
  size_t batch;
} tfp_fully_connected_plan;

/* The tensors of a node; bias may be NULL. */
typedef struct tfp_fully_connected_tensors {
  const TfLiteTensor *x, *weights, *bias, *y;
} tfp_fully_connected_tensors;

/* The quantization parameters of a tensor that has one scale and one zero point; on failure writes
 * one sentence and returns false. */
bool tfp_read_quantization(const char *name, const TfLiteTensor *tensor, tfp_affine *quantization,
                           char *error, size_t error_size);

/* Weights of our ops from the start of a row to that of the next: rows begin at whole bytes, so
 * that their tensor has a dimension for scales. */
size_t tfp_row_stride(size_t depth, int bits);

/* They fill the batch of x, the weights, the bias, and the output minimum and maximum; those that
 * return false have written one sentence. */
bool tfp_check_weight_type(const TfLiteTensor *weights, char *error, size_t error_size);
bool tfp_read_batch(const TfLiteTensor *x, tfp_fully_connected_plan *plan, char *error,
                    size_t error_size);
bool tfp_read_weights(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                      size_t error_size);
bool tfp_read_bias(const TfLiteTensor *tensor, tfp_fully_connected_plan *plan, char *error,
                   size_t error_size);
void tfp_set_output_range(tfp_fully_connected_plan *plan);

/* Gives y the dimensions that x and the plan ask for. */
TfLiteStatus tfp_resize_fully_connected(TfLiteContext *context, const tfp_node *node,
                                        const tfp_fully_connected_plan *plan);

#endif
