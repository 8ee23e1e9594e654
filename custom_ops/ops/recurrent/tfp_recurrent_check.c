/* What a recurrent op requires of its weights: values and scales must keep every float of the op
 * normal, far from 0 and from infinity. */
#include <stdio.h>

#include "tfp_recurrent.h"

static bool in_range(float scale) {
  return scale >= 0x1p-40f && scale <= 0x1p+40f;
}

static bool check_matrix(const char *name, const tfp_matrix *matrix, int bits, char *error,
                         size_t error_size) {
  const bool is_sparse = matrix->tiles.segments != NULL;
  if (is_sparse && tfp_tiles_hold_minus_128(&matrix->tiles, matrix->values, matrix->rows)) {
    snprintf(error, error_size, "%s: a tile holds -128; weights must lie in [-127, 127]", name);
    return false;
  }
  for (size_t row = 0; row < matrix->rows; ++row) {
    const float scale = tfp_row_scale(matrix, row);
    if (!in_range(scale)) {
      snprintf(error, error_size, "%s: the scale of row %lu is %g, out of [2^-40, 2^40]", name,
               (unsigned long)row, (double)scale);
      return false;
    }
    if (bits < 8 || is_sparse) continue;
    const int8_t *values = matrix->values + row * matrix->depth;
    bool low = false;
    for (size_t k = 0; k < matrix->depth; ++k) low |= values[k] == INT8_MIN;
    if (low) {
      snprintf(error, error_size, "%s: row %lu holds -128; weights must lie in [-127, 127]", name,
               (unsigned long)row);
      return false;
    }
  }
  return true;
}

/* With layer normalization products are squared and summed: their multipliers stay within bounds
 * that keep these sums finite. `scale` is that of the vector that `last` multiplies. */
static bool check_products(const char *name, const tfp_matrix *last, float scale, char *error,
                           size_t error_size) {
  for (size_t row = 0; row < last->rows; ++row) {
    const float multiplier = scale * tfp_row_scale(last, row);
    if (!(multiplier >= 0x1p-40f && multiplier <= 0x1p+24f)) {
      snprintf(error, error_size,
               "%s: with layer normalization the scale of a product must lie in [2^-40, 2^24]; got "
               "%g in row %lu",
               name, (double)multiplier, (unsigned long)row);
      return false;
    }
  }
  return true;
}

static bool check_layer_norm(const tfp_cell *cell, const tfp_recurrent_options *options,
                             const tfp_recurrent_weights *weights, char *error, size_t error_size) {
  const bool two_x = options->rank_x > 0, two_h = options->rank_h > 0;
  if (!check_products("kernel", &weights->kernel[two_x],
                      two_x ? options->scale_a_x : weights->x_scale, error, error_size) ||
      (cell->recurrent &&
       !check_products("recurrent kernel", &weights->recurrent[two_h],
                       two_h ? options->scale_a_h : options->scale_h, error, error_size))) {
    return false;
  }
  for (size_t i = 0; i < 2 * cell->gates * options->units; ++i) {
    if (!(weights->gains[i] >= -0x1p+20f && weights->gains[i] <= 0x1p+20f)) {
      snprintf(error, error_size, "gains: value %lu is %g, out of [-2^20, 2^20]", (unsigned long)i,
               (double)weights->gains[i]);
      return false;
    }
  }
  return true;
}

bool tfp_recurrent_check(const tfp_cell *cell, const tfp_recurrent_options *options,
                         const tfp_recurrent_weights *weights, char *error, size_t error_size) {
  const int *bits = options->weight_bits;
  if (!check_matrix("kernel", &weights->kernel[0], bits[0], error, error_size) ||
      (cell->recurrent &&
       !check_matrix("recurrent kernel", &weights->recurrent[0], bits[2], error, error_size)) ||
      (options->rank_x > 0 &&
       !check_matrix("kernel, second factor", &weights->kernel[1], bits[1], error, error_size)) ||
      (options->rank_h > 0 && !check_matrix("recurrent kernel, second factor",
                                            &weights->recurrent[1], bits[3], error, error_size))) {
    return false;
  }
  if (!in_range(weights->x_scale) || weights->x_zero_point < INT8_MIN ||
      weights->x_zero_point > INT8_MAX) {
    snprintf(error, error_size, "x: scale %g or zero point %ld is out of range",
             (double)weights->x_scale, (long)weights->x_zero_point);
    return false;
  }
  const size_t numbers = tfp_cell_stored_rows(cell) * cell->gates * options->units;
  for (size_t i = 0; i < numbers; ++i) {
    if (!(weights->bias[i] >= -0x1p+40f && weights->bias[i] <= 0x1p+40f)) {
      snprintf(error, error_size, "bias: value %lu is %g, out of [-2^40, 2^40]", (unsigned long)i,
               (double)weights->bias[i]);
      return false;
    }
  }
  return !options->layer_norm || check_layer_norm(cell, options, weights, error, error_size);
}
