/* The fixed-point arithmetic of a layer normalization that is no matter of vectors. */
#ifndef TFP_INVERSE_SQRT_H_
#define TFP_INVERSE_SQRT_H_

#include <stdint.h>

#include "../../kernels/tfp_lstm_s16.h"

/* 1 / sqrt(value) as a factor, by five steps of Newton's method; `value` >= 1. */
tfp_fixed_scale tfp_fixed_inverse_sqrt(int32_t value);

#endif
