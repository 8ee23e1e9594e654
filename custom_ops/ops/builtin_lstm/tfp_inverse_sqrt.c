#include "tfp_inverse_sqrt.h"

#include "../../kernels/common/tfp_assert.h"

/* The upper half of 2 a b, half up. */
static int32_t high_product(int32_t a, int32_t b) {
  TFP_ASSERT(a != INT32_MIN || b != INT32_MIN);
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

static int32_t saturated_left(int32_t value, int shift) {
  const int64_t shifted = (int64_t)value * (INT64_C(1) << shift);
  return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

static int32_t wrapped(uint32_t value) {
  return (int32_t)value;
}

tfp_fixed_scale tfp_fixed_inverse_sqrt(int32_t value) {
  TFP_ASSERT(value >= 1);
  if (value <= 1) return (tfp_fixed_scale){.multiplier = INT32_MAX};
  int right = 11;
  while (value >= 1 << 29) {
    value /= 4;
    ++right;
  }
  /* To [2^27, 2^29), by an even number of bits. */
  while (value < 1 << 27) {
    value *= 4;
    --right;
  }
  /* Numbers with 3 bits before the point: 1.5, 1, and value / 2. */
  const int32_t half = ((value >> 1) + 1) >> 1, three_halves = (1 << 28) + (1 << 27);
  int32_t x = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = saturated_left(high_product(high_product(x, x), x), 6);
    const int32_t change =
        wrapped((uint32_t)high_product(three_halves, x) - (uint32_t)high_product(half, cube));
    x = saturated_left(change, 3);
  }
  x = high_product(x, 1518500250); /* sqrt(1/2) */
  if (right >= 0) return (tfp_fixed_scale){.multiplier = x, .right = right};
  return (tfp_fixed_scale){.multiplier = wrapped((uint32_t)x << -right)};
}
