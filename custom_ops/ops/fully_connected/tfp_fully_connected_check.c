/* What tfp_fully_connected refuses. */
#include <stdio.h>

#include "tfp_fully_connected.h"

bool tfp_scale_in_range(float scale) {
  return scale >= 0x1p-40f && scale <= 0x1p+40f;
}

static bool check_rows(const tfp_fully_connected_shape *shape,
                       const tfp_fully_connected_weights *weights, char *error, size_t error_size) {
  for (size_t row = 0; row < shape->rows; ++row) {
    const float scale = weights->scales[weights->scale_count > 1 ? row : 0];
    if (!tfp_scale_in_range(scale)) {
      snprintf(error, error_size, "weights: the scale of row %lu is %g, out of [2^-40, 2^40]",
               (unsigned long)row, (double)scale);
      return false;
    }
    const float multiplier = shape->is_float ? 1.0f : tfp_fully_connected_multiplier(weights, row);
    if (!(multiplier >= 0x1p-32f && multiplier < 256.0f)) {
      snprintf(error, error_size,
               "weights: x scale * scale / y scale of row %lu is %g, out of [2^-32, 256)",
               (unsigned long)row, (double)multiplier);
      return false;
    }
  }
  return true;
}

bool tfp_fully_connected_check(const tfp_fully_connected_shape *shape,
                               const tfp_fully_connected_weights *weights, char *error,
                               size_t error_size) {
  if (!shape->is_float && (!tfp_scale_in_range(weights->x.scale) ||
                           weights->x.zero_point < INT8_MIN || weights->x.zero_point > INT8_MAX)) {
    snprintf(error, error_size, "x: scale %g or zero point %ld is out of range",
             (double)weights->x.scale, (long)weights->x.zero_point);
    return false;
  }
  if (!shape->is_float && (!tfp_scale_in_range(weights->y_scale) ||
                           weights->y.zero_point < INT8_MIN || weights->y.zero_point > INT8_MAX)) {
    snprintf(error, error_size, "y: scale %g or zero point %ld is out of range",
             (double)weights->y_scale, (long)weights->y.zero_point);
    return false;
  }
  if (!check_rows(shape, weights, error, error_size)) return false;
  if (shape->weight_bits != 8 || shape->is_unsigned) return true;
  if (shape->is_sparse) {
    const int8_t *values = (const int8_t *)weights->values;
    if (!tfp_tiles_hold_minus_128(&weights->tiles, values, shape->rows)) return true;
    snprintf(error, error_size, "weights: a tile holds -128; weights must lie in [-127, 127]");
    return false;
  }
  for (size_t row = 0; row < shape->rows; ++row) {
    const uint8_t *values = weights->values + row * shape->depth;
    bool low = false;
    for (size_t k = 0; k < shape->depth; ++k) low |= values[k] == 0x80;
    if (low) {
      snprintf(error, error_size, "weights: row %lu holds -128; weights must lie in [-127, 127]",
               (unsigned long)row);
      return false;
    }
  }
  return true;
}
