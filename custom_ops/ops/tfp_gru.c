#include "tfp_gru.h"

#include <stdio.h>
#include <string.h>

enum {
  kGates = 3,
  /* Units of one gemm call within a step, in blocks of 16: six chains of multiply-adds. */
  kUnitBlocksAtOnce = 4,
};

static size_t unit_blocks(const tfp_gru_options *options) {
  return (options->units + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
}

static size_t padded_depth(const tfp_variant *variant, size_t depth) {
  return (depth + variant->depth_block - 1) & ~(variant->depth_block - 1);
}

/* Lays everything out in `arena`: with a NULL base, only measures. */
static void layout(tfp_gru *gru, tfp_arena *arena) {
  const tfp_gru_options *options = &gru->options;
  const size_t blocks = unit_blocks(options), width = blocks * TFP_ROW_BLOCK;
  gru->input = (tfp_product){.depth = options->input_dim,
                             .rank = options->rank_x,
                             .units = options->units,
                             .gates = kGates};
  gru->recurrent = (tfp_product){
      .depth = options->units, .rank = options->rank_h, .units = options->units, .gates = kGates};
  tfp_product_layout(&gru->recurrent, gru->variant, arena);
  gru->parameters = tfp_arena_take(arena, blocks, TFP_GRU_PARAMETERS * sizeof(float));
  gru->acc_h = tfp_arena_take(arena, kUnitBlocksAtOnce, kGates * TFP_ROW_BLOCK * sizeof(int32_t));
  gru->h = tfp_arena_take(arena, width, sizeof(float));
  gru->q[0] = tfp_arena_take(arena, width, 1);
  gru->q[1] = tfp_arena_take(arena, width, 1);
  gru->acc_x = tfp_arena_take(arena, width, TFP_STEP_CHUNK * kGates * sizeof(int32_t));
  gru->padded_x =
      tfp_arena_take(arena, padded_depth(gru->variant, options->input_dim), TFP_STEP_CHUNK);
  tfp_product_layout(&gru->input, gru->variant, arena);
  gru->row_multiplier = tfp_arena_take(arena, (uint64_t)kGates * options->units, sizeof(float));
}

uint64_t tfp_gru_bytes(const tfp_variant *variant, const tfp_gru_options *options) {
  tfp_gru gru = {.variant = variant, .options = *options};
  tfp_arena arena = {NULL, 0};
  layout(&gru, &arena);
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

static bool check_weights(const tfp_gru_options *options, const tfp_gru_weights *weights,
                          char *error, size_t error_size) {
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
  for (size_t i = 0; i < (size_t)2 * kGates * options->units; ++i) {
    if (!(weights->bias[i] >= -0x1p+40f && weights->bias[i] <= 0x1p+40f)) {
      snprintf(error, error_size, "bias: value %lu is %g, out of [-2^40, 2^40]", (unsigned long)i,
               (double)weights->bias[i]);
      return false;
    }
  }
  return true;
}

/* Scatters one value a row to `parameters`, from the slot of gate z on. */
static void interleave(const tfp_gru_options *options, const float *rows, float *parameters,
                       size_t slot) {
  for (size_t gate = 0; gate < kGates; ++gate) {
    for (size_t unit = 0; unit < options->units; ++unit) {
      const size_t block = unit / TFP_ROW_BLOCK, lane = unit % TFP_ROW_BLOCK;
      parameters[block * TFP_GRU_PARAMETERS + (slot + gate) * TFP_ROW_BLOCK + lane] =
          rows[gate * options->units + unit];
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

bool tfp_gru_prepare(tfp_gru *gru, const tfp_variant *variant, const tfp_gru_options *options,
                     const tfp_gru_weights *weights, void *memory, char *error, size_t error_size) {
  if (!check_weights(options, weights, error, error_size)) return false;
  *gru =
      (tfp_gru){.variant = variant, .options = *options, .inverse_scale = 1.0f / options->scale_h};
  tfp_arena arena = {memory, 0};
  layout(gru, &arena);
  memset(memory, 0, (size_t)arena.used);

  const size_t rows = (size_t)kGates * options->units;
  float *row = gru->row_multiplier;
  tfp_product_pack(&gru->input, variant, weights->kernel, weights->x_scale, weights->x_zero_point,
                   options->scale_a_x, row);
  interleave(options, row, gru->parameters, 0);
  floor_bias(weights->bias, rows, row);
  interleave(options, row, gru->parameters, 3);
  tfp_product_pack(&gru->recurrent, variant, weights->recurrent, options->scale_h, 0,
                   options->scale_a_h, row);
  interleave(options, row, gru->parameters, 6);
  floor_bias(weights->bias + rows, rows, row);
  interleave(options, row, gru->parameters, 9);
  return true;
}

/* One step: reads q, writes the next state to h and its int8 copy to q_next. */
static void step(const tfp_gru *gru, const int32_t *acc_x, const int8_t *q, int8_t *q_next,
                 bool upwards) {
  const tfp_variant *variant = gru->variant;
  const tfp_product *product = &gru->recurrent;
  const size_t blocks = unit_blocks(&gru->options);
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
        (const unsigned char *)product->last + block * kGates * product->last_block_bytes;
    variant->gemm(weights, count * kGates, product->last_depth, 1, inner, stride, gru->acc_h, 0);
    variant->gru_gates(acc_x + block * kGates * TFP_ROW_BLOCK, gru->acc_h,
                       gru->parameters + block * TFP_GRU_PARAMETERS, count, gru->inverse_scale,
                       gru->h + block * TFP_ROW_BLOCK, q_next + block * TFP_ROW_BLOCK);
    done += count;
  }
}

/* `steps` vectors as gemm wants them: where the depth is not a multiple of the kernel's block,
 * a padded copy, because the last reads would pass the end of the tensor. */
static const int8_t *readable(const tfp_gru *gru, size_t steps, const int8_t *x,
                              ptrdiff_t *stride) {
  const size_t depth = gru->options.input_dim;
  const size_t padded = padded_depth(gru->variant, depth);
  if (padded == depth) return x;
  for (size_t s = 0; s < steps; ++s) {
    memcpy(gru->padded_x + s * padded, x + (ptrdiff_t)s * *stride, depth);
  }
  *stride = (ptrdiff_t)padded;
  return gru->padded_x;
}

static void run_sequence(const tfp_gru *gru, size_t time, const int8_t *x, const float *h0,
                         int8_t *y, float *h_last) {
  const tfp_variant *variant = gru->variant;
  const size_t units = gru->options.units, depth = gru->options.input_dim;
  const size_t blocks = unit_blocks(&gru->options) * kGates, width = blocks * TFP_ROW_BLOCK;
  const bool backwards = gru->options.go_backwards;
  int8_t *q = gru->q[0], *q_next = gru->q[1];
  variant->load_state(h0, units, gru->inverse_scale, gru->h, q);
  for (size_t t = 0; t < time;) {
    const size_t steps = time - t < TFP_STEP_CHUNK ? time - t : TFP_STEP_CHUNK;
    ptrdiff_t stride = backwards ? -(ptrdiff_t)depth : (ptrdiff_t)depth;
    const int8_t *chunk = readable(gru, steps, x + (backwards ? time - 1 - t : t) * depth, &stride);
    const int8_t *inner = tfp_product_inner(&gru->input, variant, steps, chunk, stride, &stride);
    variant->gemm(gru->input.last, blocks, gru->input.last_depth, steps, inner, stride, gru->acc_x,
                  width);
    for (size_t s = 0; s < steps; ++s, ++t) {
      step(gru, gru->acc_x + s * width, q, q_next, t % 2 == 0);
      int8_t *swapped = q;
      q = q_next;
      q_next = swapped;
      if (y != NULL && gru->options.return_sequences) memcpy(y + t * units, q, units);
    }
  }
  if (y != NULL && !gru->options.return_sequences) memcpy(y, q, units);
  if (h_last != NULL) memcpy(h_last, gru->h, units * sizeof(float));
}

void tfp_gru_run(const tfp_gru *gru, size_t batch, size_t time, const int8_t *x, const float *h0,
                 int8_t *y, float *h_last) {
  const size_t units = gru->options.units;
  const size_t x_size = time * gru->options.input_dim;
  const size_t y_size = gru->options.return_sequences ? time * units : units;
  for (size_t b = 0; b < batch; ++b) {
    run_sequence(gru, time, x + b * x_size, h0 + b * units, y == NULL ? NULL : y + b * y_size,
                 h_last == NULL ? NULL : h_last + b * units);
  }
}
