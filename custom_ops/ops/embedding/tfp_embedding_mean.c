#include <string.h>

#include "../../kernels/output/tfp_levels_c.h"
#include "../common/tfp_unpack.h"
#include "tfp_embedding.h"

void tfp_embedding_turn(tfp_embedding *op, const tfp_fully_connected_weights *weights) {
  const size_t width = op->shape.width;
  const unsigned bits = (unsigned)op->shape.product.weight_bits;
  for (size_t row = 0; row < op->shape.product.rows; ++row) {
    const int8_t *numbers = op->rows;
    if (bits == 8) {
      numbers = (const int8_t *)weights->values + row * weights->row_numbers;
    } else if (weights->trits) {
      tfp_unpack_trits(weights->values + row * tfp_trit_bytes(width), width, op->rows);
    } else {
      tfp_unpack(weights->values, row * weights->row_numbers, width, bits, op->rows);
    }
    for (size_t k = 0; k < width; ++k) op->columns[k * op->padded + row] = numbers[k];
  }
}

/* Asks for the rows of `ids`. They lie anywhere in a table that no cache may hold, and an addition
 * leaves a processor little room to look ahead to the next ones. */
static void fetch(const tfp_embedding *op, size_t count, const int32_t *ids) {
#if defined(__GNUC__) || defined(__clang__)
  enum { kLine = 64 };
  for (size_t t = 0; t < count; ++t) {
    const uint8_t *row = op->table + (size_t)ids[t] * op->row_bytes;
    for (size_t i = 0; i < op->row_bytes; i += kLine) __builtin_prefetch(row + i);
  }
#else
  (void)op, (void)count, (void)ids;
#endif
}

/* Returns the mean of the rows of one vector. */
static const float *average(const tfp_embedding *op, const int32_t *ids) {
  const size_t width = op->shape.width;
  const bool masks = op->shape.mean != TFP_MEAN_PLAIN;
  size_t words = 0;
  memset(op->means, 0, width * sizeof(float));
  fetch(op, op->shape.words, ids);
  for (size_t t = 0; t < op->shape.words; ++t) {
    if (masks && ids[t] == 0) continue;
    op->variant->accumulate(tfp_embedding_row(op, ids[t], op->rows),
                            tfp_embedding_scale(op, ids[t]), width, op->means);
    words += 1;
  }
  if (words == 0 && op->shape.mean == TFP_MEAN_MASKED) words = 1;
  const float count = (float)words;
  for (size_t i = 0; i < width; ++i) op->means[i] /= count;
  return op->means;
}

/* Returns the product of the matrix, without its scales, and a mean. */
static const float *multiply(const tfp_embedding *op, const float *mean) {
  memset(op->products, 0, op->padded * sizeof(float));
  for (size_t k = 0; k < op->shape.width; ++k) {
    op->variant->accumulate(op->columns + k * op->padded, mean[k], op->padded, op->products);
  }
  return op->products;
}

static void put_bytes(const tfp_embedding *op, const float *values, size_t count, int8_t *y) {
  const int32_t zero_point = op->y.zero_point;
  const float low = (float)(INT8_MIN - zero_point), high = (float)(INT8_MAX - zero_point);
  for (size_t i = 0; i < count; ++i) {
    const float level = tfp_clamp_c(values[i] * op->multiplier[i], low, high);
    y[i] = (int8_t)(tfp_round_c(level) + zero_point);
  }
}

void tfp_embedding_run_mean(const tfp_embedding *op, size_t count, const int32_t *ids, void *y) {
  const size_t units = op->shape.has_product ? op->shape.product.rows : op->shape.width;
  TFP_ASSERT(count % op->shape.words == 0);
  for (size_t n = 0; n < count / op->shape.words; ++n) {
    const float *values = average(op, ids + n * op->shape.words);
    if (op->shape.has_product) values = multiply(op, values);
    if (op->shape.is_float) {
      float *to = (float *)y + n * units;
      for (size_t i = 0; i < units; ++i) to[i] = values[i] * op->multiplier[i];
    } else {
      put_bytes(op, values, units, (int8_t *)y + n * units);
    }
  }
}
