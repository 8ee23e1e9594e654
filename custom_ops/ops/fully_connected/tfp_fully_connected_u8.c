#include "tfp_fully_connected_u8.h"

#include <stdio.h>
#include <string.h>

#include "../common/tfp_fixed_scale.h"

tfp_fully_connected_u8_shape tfp_fully_connected_u8_measure(const tfp_variant *variant, size_t rows,
                                                            size_t depth, const uint8_t *values) {
  tfp_fully_connected_u8_shape shape = {.rows = rows, .depth = depth, .offset = 128};
  if (variant->takes_minus_128) return shape;
  size_t lowest = 0, highest = 0;
  for (size_t i = 0; i < rows * depth; ++i) {
    lowest += values[i] == 0;
    highest += values[i] == 255;
  }
  const bool cuts_lowest = lowest <= highest;
  shape.offset = cuts_lowest ? 128 : 127;
  shape.cut_end = cuts_lowest ? 0 : 255;
  shape.cut_count = cuts_lowest ? lowest : highest;
  return shape;
}

/* The int8 op inside. */
static tfp_fully_connected_shape inner_shape(const tfp_fully_connected_u8_shape *shape) {
  return (tfp_fully_connected_shape){
      .rows = shape->rows, .depth = shape->depth, .weight_bits = 8, .is_unsigned = true};
}

/* Lays out what comes after the inner op's memory. */
static void layout(tfp_fully_connected_u8 *op, tfp_arena *arena) {
  const bool cuts = op->shape.cut_count > 0;
  op->cut_starts = tfp_arena_take(arena, cuts ? op->shape.rows + 1 : 0, sizeof(size_t));
  op->cut_columns = tfp_arena_take(arena, op->shape.cut_count, sizeof(uint16_t));
  op->centred = tfp_arena_take(arena, op->shape.depth, TFP_MAX_BATCH);
}

uint64_t tfp_fully_connected_u8_bytes(const tfp_variant *variant,
                                      const tfp_fully_connected_u8_shape *shape, size_t threads) {
  const tfp_fully_connected_shape inner = inner_shape(shape);
  tfp_fully_connected_u8 op = {.shape = *shape};
  tfp_arena arena = {NULL, tfp_fully_connected_bytes(variant, &inner, threads)};
  layout(&op, &arena);
  return arena.used;
}

static bool check_levels(const char *name, tfp_affine levels, char *error, size_t error_size) {
  if (tfp_scale_in_range(levels.scale) && levels.zero_point >= 0 && levels.zero_point <= 255) {
    return true;
  }
  snprintf(error, error_size,
           "%s: scale %g must lie in [2^-40, 2^40], zero point %ld in [0, 255] for uint8", name,
           (double)levels.scale, (long)levels.zero_point);
  return false;
}

/* TensorFlow Lite multiplies in float32 and divides in double precision. */
static double real_multiplier(const tfp_fully_connected_u8_weights *weights) {
  return (double)(weights->x.scale * weights->w.scale) / (double)weights->y.scale;
}

bool tfp_fully_connected_u8_check(const tfp_fully_connected_u8_weights *weights, char *error,
                                  size_t error_size) {
  if (!check_levels("x", weights->x, error, error_size) ||
      !check_levels("weights", weights->w, error, error_size)) {
    return false;
  }
  if (weights->output == kTfpRawSums) return true;
  if (!check_levels("y", weights->y, error, error_size)) return false;
  const double multiplier = real_multiplier(weights);
  if (!(multiplier >= 0x1p-32 && multiplier < 256.0)) {
    snprintf(error, error_size, "weights: x scale * scale / y scale is %g, out of [2^-32, 256)",
             multiplier);
    return false;
  }
  return true;
}

static tfp_output_u8 fixed_point(const tfp_fully_connected_u8_weights *weights) {
  tfp_fixed_scale scale;
  const bool fits = tfp_fixed_scale_of(real_multiplier(weights), &scale);
  TFP_ASSERT(fits && scale.multiplier > 0);
  return (tfp_output_u8){.multiplier = scale.multiplier,
                         .left = scale.left,
                         .right = scale.right,
                         .zero_point = weights->y.zero_point,
                         .low = weights->low,
                         .high = weights->high};
}

static void list_cuts(const tfp_fully_connected_u8 *op, const uint8_t *values) {
  if (op->shape.cut_count == 0) return;
  size_t count = 0;
  for (size_t row = 0; row < op->shape.rows; ++row) {
    op->cut_starts[row] = count;
    for (size_t k = 0; k < op->shape.depth; ++k, ++values) {
      if (*values == op->shape.cut_end) op->cut_columns[count++] = (uint16_t)k;
    }
  }
  op->cut_starts[op->shape.rows] = count;
}

void tfp_fully_connected_u8_prepare(tfp_fully_connected_u8 *op, const tfp_variant *variant,
                                    const tfp_fully_connected_u8_shape *shape, size_t threads,
                                    const tfp_fully_connected_u8_weights *weights, void *memory) {
  *op = (tfp_fully_connected_u8){.shape = *shape,
                                 .x = weights->x,
                                 .correction = shape->offset - weights->w.zero_point,
                                 .output = weights->output};
  const tfp_fully_connected_shape inner = inner_shape(shape);
  tfp_fully_connected_weights centred = {.values = weights->values,
                                         .offset = shape->offset,
                                         .row_numbers = shape->depth,
                                         .scales = &weights->w.scale,
                                         .scale_count = 1,
                                         .bias = weights->bias,
                                         .x = weights->x,
                                         .y_scale = weights->y.scale};
  centred.x.zero_point -= 128;
  if (op->output == kTfpRawSums) {
    centred.y_scale = 1.0f;
  } else {
    op->fixed_point = fixed_point(weights);
    op->levels =
        (tfp_output_s8){weights->y.zero_point - 128, weights->low - 128, weights->high - 128};
  }
  tfp_fully_connected_prepare(&op->fc, variant, &inner, threads, &centred, memory);
  tfp_arena arena = {memory, tfp_fully_connected_bytes(variant, &inner, threads)};
  layout(op, &arena);
  list_cuts(op, weights->values);
}

/* The vectors of one pass. */
typedef struct u8_job {
  const tfp_fully_connected_u8 *op;
  const uint8_t *x;
  uint32_t sums[TFP_MAX_BATCH]; /* sum (x - zx); all arithmetic here wraps around */
} u8_job;

/* Adds what was cut from the weights of `count` rows. */
static void add_cuts(const u8_job *job, size_t n, int32_t *acc, size_t row, size_t count) {
  const tfp_fully_connected_u8 *op = job->op;
  const uint8_t *x = job->x + n * op->shape.depth;
  const size_t left = op->shape.rows - row;
  for (size_t i = 0; i < count && i < left; ++i) {
    const size_t first = op->cut_starts[row + i], end = op->cut_starts[row + i + 1];
    int32_t sum = 0;
    for (size_t c = first; c < end; ++c) sum += x[op->cut_columns[c]] - op->x.zero_point;
    if (op->shape.cut_end == 0) sum = -sum;
    acc[i] = (int32_t)((uint32_t)acc[i] + (uint32_t)sum);
  }
}

static void add(int32_t *acc, size_t count, uint32_t value) {
  for (size_t i = 0; i < count; ++i) acc[i] = (int32_t)((uint32_t)acc[i] + value);
}

static void write_outputs(const void *context, size_t n, int32_t *acc, size_t row, size_t count,
                          void *y) {
  const u8_job *job = context;
  const tfp_fully_connected_u8 *op = job->op;
  const uint32_t offset = (uint32_t)op->correction * job->sums[n];
  if (op->shape.cut_count > 0) add_cuts(job, n, acc, row, count);
  if (op->output == kTfpFixedPoint) {
    tfp_output_u8 to = op->fixed_point;
    to.offset = (int32_t)offset;
    op->fc.variant->output_u8(acc, count, to, y);
    return;
  }
  add(acc, count, offset);
  if (op->output == kTfpRawSums) {
    memcpy(y, acc, count * sizeof *acc);
    return;
  }
  op->fc.variant->output_s8(acc, op->fc.multiplier + row, count, op->levels, y);
  for (size_t i = 0; i < count; ++i) ((uint8_t *)y)[i] ^= 0x80;
}

void tfp_fully_connected_u8_run(const tfp_fully_connected_u8 *op, size_t batch, const uint8_t *x,
                                void *y, const tfp_parallel *parallel) {
  const size_t depth = op->shape.depth, passes = (batch + TFP_MAX_BATCH - 1) / TFP_MAX_BATCH;
  u8_job job = {.op = op};
  const size_t size = op->output == kTfpRawSums ? sizeof(int32_t) : 1;
  const tfp_sums sums = {write_outputs, &job, size};
  for (size_t pass = 0; pass < passes; ++pass) {
    const size_t first = batch * pass / passes, end = batch * (pass + 1) / passes;
    job.x = x + first * depth;
    for (size_t n = 0; n < end - first; ++n) {
      uint32_t sum = 0;
      for (size_t k = 0; k < depth; ++k) {
        sum += job.x[n * depth + k];
        op->centred[n * depth + k] = (int8_t)(job.x[n * depth + k] ^ 0x80);
      }
      job.sums[n] = sum - (uint32_t)depth * (uint32_t)op->x.zero_point;
    }
    tfp_fully_connected_run_sums(&op->fc, end - first, op->centred,
                                 (unsigned char *)y + first * op->shape.rows * size, &sums,
                                 parallel);
  }
}
