#include "tfp_recurrent.h"

#include <string.h>

/* Sets how many blocks of units go together: as many as whole panels of both products hold, then as
 * many of those as make a gemm call worth its start. */
static void set_steps(tfp_recurrent *op) {
  enum { kWorthACall = 4 };
  const size_t x = op->input.last.kernels->panels[0];
  const size_t h = op->cell->recurrent ? op->recurrent.last.kernels->panels[0] : 1;
  op->together = 1;
  while (op->together * op->cell->gates % x != 0 || op->together * op->cell->gates % h != 0) {
    ++op->together;
  }
  op->at_once = op->together;
  while (op->at_once < kWorthACall) op->at_once += op->together;
}

size_t tfp_recurrent_threads(const tfp_recurrent *op, size_t threads) {
  return tfp_worthy_threads(op->cell->recurrent ? &op->recurrent.last : &op->input.last, threads);
}

/* Lays everything out in `arena`: with a NULL base, only measures. */
static void layout(tfp_recurrent *op, const tfp_recurrent_weights *weights, tfp_arena *arena) {
  const tfp_recurrent_options *options = &op->options;
  const tfp_cell *cell = op->cell;
  op->blocks = (options->units + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  op->parameter_step = cell->gates * (2 + tfp_cell_stored_rows(cell)) * TFP_ROW_BLOCK;
  const size_t width = op->blocks * TFP_ROW_BLOCK, steps = options->steps_at_once;
  const tfp_product_shape recurrent = {.depth = options->units,
                                       .rank = options->rank_h,
                                       .units = options->units,
                                       .gates = cell->gates,
                                       .planes = options->planes_h,
                                       .batch = 1,
                                       .weight_bits = options->weight_bits + 2,
                                       .matrices = weights->recurrent};
  const tfp_product_shape input = {.depth = tfp_recurrent_depth(options),
                                   .rank = options->rank_x,
                                   .units = options->units,
                                   .gates = cell->gates,
                                   .planes = options->planes_x,
                                   .batch = steps,
                                   .weight_bits = options->weight_bits,
                                   .matrices = weights->kernel};
  if (cell->recurrent) tfp_product_layout(&op->recurrent, op->variant, &recurrent, arena);
  tfp_product_layout(&op->input, op->variant, &input, arena);
  set_steps(op);
  op->parameters = tfp_arena_take(arena, op->blocks, op->parameter_step * sizeof(float));
  const size_t at_once = tfp_recurrent_threads(op, TFP_MAX_THREADS) * op->at_once;
  const bool norm = options->layer_norm;
  const size_t of_h = cell->recurrent ? cell->gates * TFP_ROW_BLOCK * sizeof(int32_t) : 0;
  op->acc_h = tfp_arena_take(arena, norm ? op->blocks : at_once, of_h);
  op->gains = tfp_arena_take(arena, norm ? width : 0, 2 * cell->gates * sizeof(float));
  const bool changing = norm || tfp_recurrent_has_planes(op);
  op->of_step = tfp_arena_take(arena, changing ? at_once : 0, op->parameter_step * sizeof(float));
  const size_t planes[] = {options->planes_x, options->planes_h};
  for (size_t i = 0; i < 2; ++i) {
    op->plane_multipliers[i] =
        tfp_arena_take(arena, (uint64_t)(planes[i] - 1) * width, cell->gates * sizeof(float));
  }
  for (size_t i = 0; i < cell->states; ++i) {
    op->states[i] = tfp_arena_take(arena, width, sizeof(float));
  }
  const size_t readable = cell->recurrent ? tfp_product_padded_depth(&op->recurrent) : 0;
  op->q[0] = tfp_arena_take(arena, readable > width ? readable : width, 1);
  op->q[1] = tfp_arena_take(arena, readable > width ? readable : width, 1);
  op->acc_x = tfp_arena_take(arena, width, planes[0] * steps * cell->gates * sizeof(int32_t));
  op->padded_x = tfp_arena_take(arena, tfp_product_padded_depth(&op->input), steps);
  const size_t most = planes[0] > planes[1] ? planes[0] : planes[1];
  const uint64_t rows = (uint64_t)cell->gates * options->units;
  op->row_multiplier = tfp_arena_take(arena, rows, most * sizeof(float));
}

uint64_t tfp_recurrent_bytes(const tfp_variant *variant, const tfp_cell *cell,
                             const tfp_recurrent_options *options,
                             const tfp_recurrent_weights *weights) {
  tfp_recurrent op = {.variant = variant, .cell = cell, .options = *options};
  tfp_arena arena = {NULL, 0};
  layout(&op, weights, &arena);
  return arena.used;
}

/* Scatters one value a row to `out`, from slot `slot` of each block of `step` floats on. */
static void interleave_into(const tfp_recurrent *op, const float *rows, size_t slot, size_t step,
                            float *out) {
  const size_t units = op->options.units;
  for (size_t gate = 0; gate < op->cell->gates; ++gate) {
    for (size_t unit = 0; unit < units; ++unit) {
      const size_t block = unit / TFP_ROW_BLOCK, lane = unit % TFP_ROW_BLOCK;
      out[block * step + (slot + gate) * TFP_ROW_BLOCK + lane] = rows[gate * units + unit];
    }
  }
}

static void interleave(const tfp_recurrent *op, const float *rows, size_t slot) {
  interleave_into(op, rows, slot, op->parameter_step, op->parameters);
}

/* Interleaves the multipliers of the planes behind the first one, of W x (0) or U h (1). */
static void interleave_planes(const tfp_recurrent *op, size_t product, size_t planes) {
  const size_t rows = op->cell->gates * op->options.units;
  const size_t step = op->cell->gates * TFP_ROW_BLOCK;
  for (size_t plane = 1; plane < planes; ++plane) {
    interleave_into(op, op->row_multiplier + plane * rows, 0, step,
                    op->plane_multipliers[product] + (plane - 1) * op->blocks * step);
  }
}

/* What is nearer to zero than `least` becomes zero, as tiny states do, so that no subnormal number
 * ever enters. */
static void load_floor(const float *values, size_t count, float least, float *out) {
  for (size_t i = 0; i < count; ++i) {
    const bool tiny = values[i] > -least && values[i] < least;
    out[i] = tiny ? 0.0f : values[i];
  }
}

bool tfp_recurrent_prepare(tfp_recurrent *op, const tfp_variant *variant, const tfp_cell *cell,
                           const tfp_recurrent_options *options,
                           const tfp_recurrent_weights *weights, void *memory, char *error,
                           size_t error_size) {
  TFP_ASSERT(cell->gates <= TFP_MAX_GATES && cell->states <= TFP_MAX_STATES);
  TFP_ASSERT(cell->unit_rows == 0 || cell->gates == 1);
  TFP_ASSERT(memory != NULL && variant->supported() && weights->bias != NULL);
  TFP_ASSERT(!options->layer_norm || weights->gains != NULL);
  if (!tfp_recurrent_check(cell, options, weights, error, error_size)) return false;
  *op = (tfp_recurrent){
      .variant = variant,
      .cell = cell,
      .gates = variant->gates[cell->id],
      .options = *options,
      .memory = memory,
      .settings = {.inverse_scale = 1.0f / options->scale_h,
                   .recurrent_activation = *tfp_recurrent_activation(options->recurrent_activation),
                   .activation = *tfp_activation(options->activation)}};
  memcpy(op->settings.parameters, options->parameters, sizeof options->parameters);
  tfp_arena arena = {memory, 0};
  layout(op, weights, &arena);
  memset(memory, 0, (size_t)arena.used);

  const size_t gates = cell->gates, rows = gates * options->units;
  float *row = op->row_multiplier;
  tfp_product_pack(&op->input, weights->kernel, weights->x_scale, weights->x_zero_point,
                   options->scale_a_x, row);
  interleave(op, row, 0);
  interleave_planes(op, 0, options->planes_x);
  load_floor(weights->bias, rows, 0x1p-60f, row);
  interleave(op, row, gates);
  if (cell->recurrent) {
    tfp_product_pack(&op->recurrent, weights->recurrent, options->scale_h, 0, options->scale_a_h,
                     row);
    interleave(op, row, 2 * gates);
    interleave_planes(op, 1, options->planes_h);
  }
  for (size_t i = 1; i < tfp_cell_stored_rows(cell); ++i) {
    load_floor(weights->bias + i * rows, rows, 0x1p-60f, row);
    interleave(op, row, (2 + i) * gates);
  }
  for (size_t product = 0; options->layer_norm && product < 2; ++product) {
    load_floor(weights->gains + product * rows, rows, 0x1p-20f, row);
    interleave_into(op, row, product * gates, 2 * gates * TFP_ROW_BLOCK, op->gains);
  }
  return true;
}
