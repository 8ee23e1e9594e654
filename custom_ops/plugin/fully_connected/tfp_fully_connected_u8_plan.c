#include "tfp_fully_connected_u8_plan.h"

#include <stdio.h>

#include "../../kernels/common/tfp_assert.h"

/* Output minimum and maximum as quantized values, rounded as the runtimes do. */
static void set_output_range(const tfp_fully_connected_plan *plan,
                             tfp_fully_connected_u8_weights *u8) {
  u8->low = plan->activation == kTfpNone ? 0 : u8->y.zero_point;
  u8->high = UINT8_MAX;
  const float max = 6.0f / u8->y.scale + 0.5f;
  if (plan->activation == kTfpRelu6 && max < (float)(UINT8_MAX - u8->y.zero_point)) {
    u8->high = u8->y.zero_point + (int32_t)max;
  }
}

bool tfp_read_fully_connected_u8(const tfp_fully_connected_tensors *t,
                                 tfp_fully_connected_plan *plan, char *error, size_t error_size) {
  TFP_ASSERT(plan->is_unsigned && plan->weights.values != NULL);
  tfp_fully_connected_u8_weights *u8 = &plan->u8;
  const bool is_raw = t->y->type == kTfLiteInt32;
  if (t->weights->type != kTfLiteUInt8 || plan->shape.weight_bits != 8) {
    snprintf(error, error_size,
             "weights must be uint8 of 8 bits where x is uint8; got type %d of %d bits",
             (int)t->weights->type, plan->shape.weight_bits);
    return false;
  }
  if (is_raw && plan->activation != kTfpNone) {
    snprintf(error, error_size, "activation must be none where y is int32; got %d",
             (int)plan->activation);
    return false;
  }
  u8->output = is_raw ? kTfpRawSums : plan->is_builtin ? kTfpFloatFactor : kTfpFixedPoint;
  if (!tfp_read_quantization("x", t->x, &u8->x, error, error_size) ||
      !tfp_read_quantization("weights", t->weights, &u8->w, error, error_size) ||
      (!is_raw && !tfp_read_quantization("y", t->y, &u8->y, error, error_size))) {
    return false;
  }
  u8->values = plan->weights.values;
  u8->bias = plan->weights.bias;
  if (!tfp_fully_connected_u8_check(u8, error, error_size)) return false;
  if (!is_raw) set_output_range(plan, u8);
  return true;
}
