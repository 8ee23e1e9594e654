/* The fixed-point arithmetic of TensorFlow Lite's integer LSTM, a number at a time: what prepare
 * computes, and what a layer normalization does once a step. */
#ifndef TFP_FIXED_POINT_H_
#define TFP_FIXED_POINT_H_

#include <stdbool.h>
#include <stdint.h>

#include "../../kernels/tfp_lstm_s16.h"

/* A factor as 31 bits and a shift, rounded half up; 0 below 2^-32. False where it is negative, not
 * a number, or 2^30 or more. */
bool tfp_fixed_scale_of(double factor, tfp_fixed_scale *scale);

/* value * scale, rounded twice: the upper half of the product half up, what is shifted out half
 * away from zero. The shift to the left wraps around. */
int32_t tfp_fixed_scale_apply(int32_t value, tfp_fixed_scale scale);

/* 1 / sqrt(value) as a factor, by five steps of Newton's method; `value` >= 1. */
tfp_fixed_scale tfp_fixed_inverse_sqrt(int32_t value);

#endif
