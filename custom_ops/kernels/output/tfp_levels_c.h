/* Levels of int8 for a row of floats whose range is known only at run time: the order of
 * operations is custom_ops/spec/fully_connected.md. */
#ifndef TFP_LEVELS_C_H_
#define TFP_LEVELS_C_H_

#include "../common/tfp_float_c.h"
#include "../tfp_kernels.h"

/* Rows with a narrower range count as zeros: their scale would be near the subnormal numbers. */
#define TFP_SMALLEST_RANGE 0x1p-60f

typedef struct tfp_row_levels {
  tfp_affine affine;
  float inverse;   /* levels a unit; 0 for a row of zeros */
  float low, high; /* levels before the zero point is added */
} tfp_row_levels;

/* round(v) for |v| <= 2^22, ties to even. */
TFP_INLINE int32_t tfp_round_c(float v) {
  return (int32_t)tfp_bits_c(v + TFP_ROUNDING_MAGIC) - (int32_t)tfp_bits_c(TFP_ROUNDING_MAGIC);
}

TFP_INLINE float tfp_clamp_c(float v, float low, float high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

/* `low` <= 0 <= `high` are the ends of the row. */
TFP_INLINE tfp_row_levels tfp_row_levels_c(float low, float high) {
  tfp_row_levels levels = {{1.0f, 0}, 0.0f, -128.0f, 127.0f};
  const float range = high - low;
  if (range >= TFP_SMALLEST_RANGE) {
    levels.affine.scale = range / 255.0f;
    levels.inverse = 255.0f / range;
    const float zero = tfp_clamp_c(-128.0f - low * levels.inverse, -128.0f, 127.0f);
    levels.affine.zero_point = tfp_round_c(zero);
    levels.low = -128.0f - (float)levels.affine.zero_point;
    levels.high = 127.0f - (float)levels.affine.zero_point;
  }
  return levels;
}

TFP_INLINE int8_t tfp_level_c(float x, tfp_row_levels levels) {
  const float v = tfp_clamp_c(x * levels.inverse, levels.low, levels.high);
  return (int8_t)(tfp_round_c(v) + levels.affine.zero_point);
}

#endif
