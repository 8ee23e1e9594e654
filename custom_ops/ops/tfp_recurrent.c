#include "tfp_recurrent.h"

#include <stdio.h>
#include <string.h>

enum {
  /* Units of one gemm call within a step, in blocks of 16. */
  kUnitBlocksAtOnce = 4,
};

/* Values of each unit that gates multiply with and add. */
static size_t parameter_count(const tfp_cell *cell) {
  return cell->gates * (2 + cell->bias_rows);
}

static size_t unit_blocks(const tfp_recurrent_options *options) {
  return (options->units + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
}

static size_t padded_depth(const tfp_variant *variant, size_t depth) {
  return (depth + variant->depth_block - 1) & ~(variant->depth_block - 1);
}

/* Lays everything out in `arena`: with a NULL base, only measures. */
static void layout(tfp_recurrent *op, tfp_arena *arena) {
  const tfp_recurrent_options *options = &op->options;
  const tfp_cell *cell = op->cell;
  const size_t blocks = unit_blocks(options), width = blocks * TFP_ROW_BLOCK;
  op->input = (tfp_product){.depth = options->input_dim,
                            .rank = options->rank_x,
                            .units = options->units,
                            .gates = cell->gates};
  op->recurrent = (tfp_product){.depth = options->units,
                                .rank = options->rank_h,
                                .units = options->units,
                                .gates = cell->gates};
  tfp_product_layout(&op->recurrent, op->variant, arena);
  op->parameters = tfp_arena_take(arena, width, parameter_count(cell) * sizeof(float));
  op->acc_h = tfp_arena_take(arena, (uint64_t)kUnitBlocksAtOnce * cell->gates,
                             TFP_ROW_BLOCK * sizeof(int32_t));
  for (size_t i = 0; i < cell->states; ++i) {
    op->states[i] = tfp_arena_take(arena, width, sizeof(float));
  }
  op->q[0] = tfp_arena_take(arena, width, 1);
  op->q[1] = tfp_arena_take(arena, width, 1);
  op->acc_x = tfp_arena_take(arena, width, TFP_STEP_CHUNK * cell->gates * sizeof(int32_t));
  op->padded_x =
      tfp_arena_take(arena, padded_depth(op->variant, options->input_dim), TFP_STEP_CHUNK);
  tfp_product_layout(&op->input, op->variant, arena);
  op->row_multiplier = tfp_arena_take(arena, (uint64_t)cell->gates * options->units, sizeof(float));
}

uint64_t tfp_recurrent_bytes(const tfp_variant *variant, const tfp_cell *cell,
                             const tfp_recurrent_options *options) {
  tfp_recurrent op = {.variant = variant, .cell = cell, .options = *options};
  tfp_arena arena = {NULL, 0};
  layout(&op, &arena);
  return arena.used;
}

/* Values and scales must keep every float of the op normal: far from 0 and from infinity. */
static bool check_matrix(const char *name, const tfp_matrix *matrix, char *error,
                         size_t error_size) {
  for (size_t row = 0; row < matrix->rows; ++row) {
    const float scale = matrix->scales[row];
    if (!(scale >= 0x1p-40f && scale <= 0x1p+40f)) {
      snprintf(error, error_size, "%s: the scale of row %lu is %g, out of [2^-40, 2^40]", name,
               (unsigned long)row, (double)scale);
      return false;
    }
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

static bool check_weights(const tfp_cell *cell, const tfp_recurrent_options *options,
                          const tfp_recurrent_weights *weights, char *error, size_t error_size) {
  if (!check_matrix("kernel", &weights->kernel[0], error, error_size) ||
      !check_matrix("recurrent kernel", &weights->recurrent[0], error, error_size) ||
      (options->rank_x > 0 &&
       !check_matrix("kernel, second factor", &weights->kernel[1], error, error_size)) ||
      (options->rank_h > 0 && !check_matrix("recurrent kernel, second factor",
                                            &weights->recurrent[1], error, error_size))) {
    return false;
  }
  if (!(weights->x_scale >= 0x1p-40f && weights->x_scale <= 0x1p+40f) ||
      weights->x_zero_point < INT8_MIN || weights->x_zero_point > INT8_MAX) {
    snprintf(error, error_size, "x: scale %g or zero point %ld is out of range",
             (double)weights->x_scale, (long)weights->x_zero_point);
    return false;
  }
  for (size_t i = 0; i < cell->bias_rows * cell->gates * options->units; ++i) {
    if (!(weights->bias[i] >= -0x1p+40f && weights->bias[i] <= 0x1p+40f)) {
      snprintf(error, error_size, "bias: value %lu is %g, out of [-2^40, 2^40]", (unsigned long)i,
               (double)weights->bias[i]);
      return false;
    }
  }
  return true;
}

/* Scatters one value a row to `parameters`, from slot `slot` of each block on. */
static void interleave(const tfp_recurrent *op, const float *rows, size_t slot) {
  const size_t units = op->options.units, stride = parameter_count(op->cell) * TFP_ROW_BLOCK;
  for (size_t gate = 0; gate < op->cell->gates; ++gate) {
    for (size_t unit = 0; unit < units; ++unit) {
      const size_t block = unit / TFP_ROW_BLOCK, lane = unit % TFP_ROW_BLOCK;
      op->parameters[block * stride + (slot + gate) * TFP_ROW_BLOCK + lane] =
          rows[gate * units + unit];
    }
  }
}

/* Tiny biases become zero, as tiny states do, so that no subnormal number ever enters. */
static void floor_bias(const float *bias, size_t count, float *out) {
  for (size_t i = 0; i < count; ++i) {
    const bool tiny = bias[i] > -0x1p-60f && bias[i] < 0x1p-60f;
    out[i] = tiny ? 0.0f : bias[i];
  }
}

bool tfp_recurrent_prepare(tfp_recurrent *op, const tfp_variant *variant, const tfp_cell *cell,
                           const tfp_recurrent_options *options,
                           const tfp_recurrent_weights *weights, void *memory, char *error,
                           size_t error_size) {
  if (!check_weights(cell, options, weights, error, error_size)) return false;
  *op = (tfp_recurrent){.variant = variant,
                        .cell = cell,
                        .options = *options,
                        .inverse_scale = 1.0f / options->scale_h};
  tfp_arena arena = {memory, 0};
  layout(op, &arena);
  memset(memory, 0, (size_t)arena.used);

  const size_t gates = cell->gates, rows = gates * options->units;
  float *row = op->row_multiplier;
  tfp_product_pack(&op->input, variant, weights->kernel, weights->x_scale, weights->x_zero_point,
                   options->scale_a_x, row);
  interleave(op, row, 0);
  floor_bias(weights->bias, rows, row);
  interleave(op, row, gates);
  tfp_product_pack(&op->recurrent, variant, weights->recurrent, options->scale_h, 0,
                   options->scale_a_h, row);
  interleave(op, row, 2 * gates);
  if (cell->bias_rows > 1) {
    floor_bias(weights->bias + rows, rows, row);
    interleave(op, row, 3 * gates);
  }
  return true;
}

/* One step: reads q, writes the next states, and the int8 copy of h to q_next. */
static void step(const tfp_recurrent *op, const int32_t *acc_x, const int8_t *q, int8_t *q_next,
                 bool upwards) {
  const tfp_variant *variant = op->variant;
  const tfp_cell *cell = op->cell;
  const tfp_product *product = &op->recurrent;
  const size_t blocks = unit_blocks(&op->options);
  const size_t acc_block = cell->gates * TFP_ROW_BLOCK;
  const size_t parameter_block = parameter_count(cell) * TFP_ROW_BLOCK;
  ptrdiff_t stride;
  const int8_t *inner = tfp_product_inner(product, variant, 1, q, 0, &stride);
  /* Every second step goes through the weights backwards: those used last are still in the
   * first-level cache, which rarely holds the whole matrix. */
  size_t done = 0;
  while (done < blocks) {
    const size_t left = blocks - done;
    const size_t count = left < kUnitBlocksAtOnce ? left : kUnitBlocksAtOnce;
    const size_t block = upwards ? done : left - count;
    const unsigned char *weights =
        (const unsigned char *)product->last + block * cell->gates * product->last_block_bytes;
    float *states[TFP_MAX_STATES] = {NULL};
    for (size_t i = 0; i < cell->states; ++i) states[i] = op->states[i] + block * TFP_ROW_BLOCK;
    variant->gemm(weights, count * cell->gates, product->last_depth, 1, inner, stride, op->acc_h,
                  0);
    cell->step(variant, acc_x + block * acc_block, op->acc_h,
               op->parameters + block * parameter_block, count, op->inverse_scale, states,
               q_next + block * TFP_ROW_BLOCK);
    done += count;
  }
}

/* `steps` vectors as gemm wants them: where the depth is not a multiple of the kernel's block,
 * a padded copy, because the last reads would pass the end of the tensor. */
static const int8_t *readable(const tfp_recurrent *op, size_t steps, const int8_t *x,
                              ptrdiff_t *stride) {
  const size_t depth = op->options.input_dim;
  const size_t padded = padded_depth(op->variant, depth);
  if (padded == depth) return x;
  for (size_t s = 0; s < steps; ++s) {
    memcpy(op->padded_x + s * padded, x + (ptrdiff_t)s * *stride, depth);
  }
  *stride = (ptrdiff_t)padded;
  return op->padded_x;
}

/* Sequence `b`: `first` and `last` hold the states of the whole batch. */
static void run_sequence(const tfp_recurrent *op, size_t b, size_t time, const int8_t *x,
                         const float *const *first, int8_t *y, float *const *last) {
  const tfp_variant *variant = op->variant;
  const size_t units = op->options.units, depth = op->options.input_dim;
  const size_t blocks = unit_blocks(&op->options) * op->cell->gates;
  const size_t width = blocks * TFP_ROW_BLOCK;
  const bool backwards = op->options.go_backwards;
  int8_t *q = op->q[0], *q_next = op->q[1];
  /* The first state comes last, because only its int8 copy is wanted. */
  for (size_t i = op->cell->states; i-- > 0;) {
    variant->load_state(first[i] + b * units, units, op->inverse_scale, op->states[i], q);
  }
  for (size_t t = 0; t < time;) {
    const size_t steps = time - t < TFP_STEP_CHUNK ? time - t : TFP_STEP_CHUNK;
    ptrdiff_t stride = backwards ? -(ptrdiff_t)depth : (ptrdiff_t)depth;
    const int8_t *chunk = readable(op, steps, x + (backwards ? time - 1 - t : t) * depth, &stride);
    const int8_t *inner = tfp_product_inner(&op->input, variant, steps, chunk, stride, &stride);
    variant->gemm(op->input.last, blocks, op->input.last_depth, steps, inner, stride, op->acc_x,
                  width);
    for (size_t s = 0; s < steps; ++s, ++t) {
      step(op, op->acc_x + s * width, q, q_next, t % 2 == 0);
      int8_t *swapped = q;
      q = q_next;
      q_next = swapped;
      if (y != NULL && op->options.return_sequences) memcpy(y + t * units, q, units);
    }
  }
  if (y != NULL && !op->options.return_sequences) memcpy(y, q, units);
  for (size_t i = 0; i < op->cell->states; ++i) {
    if (last[i] != NULL) memcpy(last[i] + b * units, op->states[i], units * sizeof(float));
  }
}

void tfp_recurrent_run(const tfp_recurrent *op, size_t batch, size_t time, const int8_t *x,
                       const float *const *first, int8_t *y, float *const *last) {
  const size_t units = op->options.units;
  const size_t x_size = time * op->options.input_dim;
  const size_t y_size = op->options.return_sequences ? time * units : units;
  for (size_t b = 0; b < batch; ++b) {
    run_sequence(op, b, time, x + b * x_size, first, y == NULL ? NULL : y + b * y_size, last);
  }
}
