/* The gate functions by the numbers that options of recurrent ops give them. */
#ifndef TFP_GATE_FUNCTIONS_H_
#define TFP_GATE_FUNCTIONS_H_

#include "../../kernels/tfp_kernels.h"

enum { TFP_GATE_FUNCTION_COUNT = 7 };

/* Of the gates: 1 sigmoid, 2 hard_sigmoid, 3 quant_sigmoid, 4 quant_sigmoid4, 5 tanh, 6 hard_tanh,
 * 7 relu; NULL for other numbers. */
const tfp_gate_function *tfp_recurrent_activation(int number);

/* Of what the gates let through: 1 tanh, 2 hard_tanh, 3 relu, 4 sigmoid, 5 hard_sigmoid,
 * 6 quant_sigmoid, 7 quant_sigmoid4; NULL for other numbers. */
const tfp_gate_function *tfp_activation(int number);

#endif
