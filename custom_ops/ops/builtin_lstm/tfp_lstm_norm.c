/* The layer normalization of one gate: integers that the runtime divides toward zero. */
#include "tfp_builtin_lstm.h"
#include "tfp_fixed_point.h"

enum { kTwoToPower20 = 1 << 20 };

static int16_t saturate(int32_t value) {
  return (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

void tfp_lstm_normalize(const tfp_lstm_norm *norm, size_t count, int16_t *gate) {
  TFP_ASSERT(norm->weights != NULL && norm->bias != NULL && count > 0 && gate != NULL);
  int64_t sum = 0, squares = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += gate[i];
    squares += (int32_t)gate[i] * gate[i];
  }
  /* The mean has 10 fractional bits. Where `count` is no power of two, the runtime's variance is
   * a little small, or even negative. */
  const int32_t mean = (int32_t)(sum * 1024 / (int64_t)count);
  const int64_t variance =
      squares * (kTwoToPower20 / (int64_t)count) - (int64_t)mean * (int64_t)mean;
  int32_t whole = (int32_t)(variance / kTwoToPower20);
  if (whole < 1) whole = norm->least_variance;
  const tfp_fixed_scale inverse = tfp_fixed_inverse_sqrt(whole);
  for (size_t i = 0; i < count; ++i) {
    const int32_t centred = 1024 * gate[i] - mean;
    const int32_t unit = tfp_fixed_scale_apply(centred, inverse);
    /* This wraps around, as the runtime computes it in 32 bits. */
    const int32_t weighted =
        (int32_t)((uint32_t)unit * (uint32_t)(int32_t)norm->weights[i] + (uint32_t)norm->bias[i]);
    const int64_t nudged = (int64_t)weighted + (weighted > 0 ? 512 : -512);
    gate[i] = saturate(tfp_fixed_scale_apply((int32_t)(nudged / 1024), norm->scale));
  }
}
