/* The fixed-point arithmetic of a layer normalization, a number at a time. */
#ifndef TFP_FIXED_POINT_H_
#define TFP_FIXED_POINT_H_

#include <stdint.h>

#include "../../kernels/tfp_lstm_s16.h"

/* value * scale, rounded twice: the upper half of the product half up, what is shifted out half
 * away from zero. The shift to the left wraps around. */
int32_t tfp_fixed_scale_apply(int32_t value, tfp_fixed_scale scale);

/* 1 / sqrt(value) as a factor, by five steps of Newton's method; `value` >= 1. */
tfp_fixed_scale tfp_fixed_inverse_sqrt(int32_t value);

#endif
