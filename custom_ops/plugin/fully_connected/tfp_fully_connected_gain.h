/* Whether our kernels gain over XNNPACK's in a stock fully connected layer, by a model of both. */
#ifndef TFP_FULLY_CONNECTED_GAIN_H_
#define TFP_FULLY_CONNECTED_GAIN_H_

#include "tfp_fully_connected_plan.h"

bool tfp_fully_connected_gains(const tfp_variant *variant, const tfp_fully_connected_plan *plan);

#endif
