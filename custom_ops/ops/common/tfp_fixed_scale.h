/* Factors as gemmlowp has them. */
#ifndef TFP_FIXED_SCALE_H_
#define TFP_FIXED_SCALE_H_

#include <stdbool.h>

#include "../../kernels/tfp_lstm_s16.h"

/* A factor as 31 bits, rounded half up, and a shift: what frexp gives, without a library. 0 below
 * 2^-32; false where it is negative, not a number, or 2^30 or more. */
bool tfp_fixed_scale_of(double factor, tfp_fixed_scale *scale);

#endif
