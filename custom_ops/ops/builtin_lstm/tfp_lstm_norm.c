/* The layer normalization of one gate: integers that the runtime divides toward zero. */
#include "tfp_builtin_lstm.h"
#include "tfp_inverse_sqrt.h"

enum { kTwoToPower20 = 1 << 20 };

void tfp_lstm_normalize(const tfp_builtin_lstm *op, size_t gate, int16_t *values) {
  const tfp_lstm_norm *of = &op->layer.gates[gate].norm;
  const int64_t count = (int64_t)op->layer.cells;
  TFP_ASSERT(of->weights != NULL && of->bias != NULL && values != NULL);
  int64_t sum, squares;
  op->variant->lstm_s16->measure(values, op->width, &sum, &squares); /* what pads it is 0 */
  /* Where `count` is no power of two, the runtime's variance is a little small, or even
   * negative. */
  const int32_t mean = (int32_t)(sum * 1024 / count);
  const int64_t variance = squares * (kTwoToPower20 / count) - (int64_t)mean * (int64_t)mean;
  int32_t whole = (int32_t)(variance / kTwoToPower20);
  if (whole < 1) whole = of->least_variance;
  const tfp_lstm_s16_norm norm = {.weights = op->norm_weights + gate * op->width,
                                  .bias = op->norm_biases + gate * op->width,
                                  .mean = mean,
                                  .inverse = tfp_fixed_inverse_sqrt(whole),
                                  .scale = of->scale};
  op->variant->lstm_s16->normalize(&norm, op->width, values);
}
