#include "tfp_gate_functions.h"

#include "../../kernels/common/tfp_gate_constants.h"

#define TFP_LINEAR(slope, offset, low, high) {TFP_PIECEWISE_LINEAR, slope, offset, low, high}
static const tfp_gate_function sigmoid = {.kind = TFP_SIGMOID};
static const tfp_gate_function hyperbolic_tangent = {.kind = TFP_TANH};
static const tfp_gate_function hard_sigmoid = TFP_LINEAR(TFP_HARD_SIGMOID_SLOPE, 0.5f, 0.0f, 1.0f);
static const tfp_gate_function quant_sigmoid = TFP_LINEAR(0.5f, 0.5f, 0.0f, 1.0f);
static const tfp_gate_function quant_sigmoid4 = TFP_LINEAR(0.25f, 0.5f, 0.0f, 1.0f);
static const tfp_gate_function hard_tanh = TFP_LINEAR(1.0f, 0.0f, -1.0f, 1.0f);
static const tfp_gate_function relu = TFP_LINEAR(1.0f, 0.0f, 0.0f, TFP_STATE_LIMIT);

static const tfp_gate_function *by_number(const tfp_gate_function *const *table, int number) {
  return number >= 1 && number <= TFP_GATE_FUNCTION_COUNT ? table[number - 1] : NULL;
}

const tfp_gate_function *tfp_recurrent_activation(int number) {
  static const tfp_gate_function *const table[TFP_GATE_FUNCTION_COUNT] = {
      &sigmoid,   &hard_sigmoid, &quant_sigmoid, &quant_sigmoid4, &hyperbolic_tangent,
      &hard_tanh, &relu};
  return by_number(table, number);
}

const tfp_gate_function *tfp_activation(int number) {
  static const tfp_gate_function *const table[TFP_GATE_FUNCTION_COUNT] = {
      &hyperbolic_tangent, &hard_tanh,     &relu,          &sigmoid,
      &hard_sigmoid,       &quant_sigmoid, &quant_sigmoid4};
  return by_number(table, number);
}
