/* The recurrent ops that the counted program calls. */
#ifndef GUEST_RECURRENT_H
#define GUEST_RECURRENT_H

#include "../../ops/recurrent/tfp_recurrent.h"
#include "guest_memory.h"
#include "region.h"

/* Ternary weights as the file has them; the same ones whatever the bits. */
static tfp_matrix ternary_matrix(size_t rows, size_t depth, int bits) {
  const size_t row_bytes = tfp_row_bytes(depth, bits), per_byte = 8 / (size_t)bits;
  uint8_t *values = take(rows * row_bytes);
  const int8_t *numbers = random_bytes(rows * depth, rows * depth);
  for (size_t i = 0; i < rows * depth; ++i) {
    const size_t row = i / depth, k = i % depth;
    const unsigned value = (unsigned)((numbers[i] & 3) % 3 - 1) & ((1u << bits) - 1u);
    values[row * row_bytes + k / per_byte] |= (uint8_t)(value << (k % per_byte * (size_t)bits));
  }
  return (tfp_matrix){.values = (const int8_t *)values,
                      .scales = same_floats(rows, 0x1p-5f),
                      .rows = rows,
                      .depth = depth};
}

static tfp_matrix random_matrix(size_t rows, size_t depth, int ternary_bits) {
  if (ternary_bits > 0) return ternary_matrix(rows, depth, ternary_bits);
  return (tfp_matrix){.values = random_bytes(rows * depth, rows * depth),
                      .scales = same_floats(rows, 0x1p-11f),
                      .rows = rows,
                      .depth = depth};
}

static int run_recurrent(const tfp_variant *variant, const tfp_cell *cell, int ternary_bits,
                         size_t depth, size_t units, size_t steps) {
  const int bits = ternary_bits > 0 ? ternary_bits : 8;
  const tfp_recurrent_options options = {.units = (uint32_t)units,
                                         .input_dim = (uint32_t)depth,
                                         .scale_a_x = 1.0f,
                                         .scale_a_h = 1.0f,
                                         .scale_h = 0x1p-7f,
                                         .return_sequences = true,
                                         .recurrent_activation = 1,
                                         .activation = 1,
                                         .window = 1,
                                         .steps_at_once = 4,
                                         .planes_x = 1,
                                         .planes_h = 1,
                                         .weight_bits = {bits, 8, bits, 8}};
  const size_t rows = cell->gates * units;
  const tfp_recurrent_weights weights = {
      .kernel = {random_matrix(rows, depth, ternary_bits)},
      .recurrent = {random_matrix(rows, units, ternary_bits)},
      .bias = same_floats(tfp_cell_stored_rows(cell) * rows, 0.125f),
      .x_scale = 0x1p-5f};
  const int8_t *x = random_bytes(steps * depth, steps * depth);
  const float *first[TFP_MAX_STATES] = {NULL};
  float *last[TFP_MAX_STATES] = {NULL};
  for (size_t i = 0; i < cell->states; ++i) {
    first[i] = same_floats(units, 0.0f);
    last[i] = same_floats(units, 0.0f);
  }
  int8_t *y = take(steps * units);
  void *block = take(tfp_recurrent_bytes(variant, cell, &options, &weights));
  tfp_recurrent op;
  char error[320] = "";
  if (!tfp_recurrent_prepare(&op, variant, cell, &options, &weights, block, error, sizeof error)) {
    return fail(error);
  }
  const tfp_recurrent_io io = {
      .batch = 1, .time = steps, .x = x, .first = first, .y = y, .last = last};
  const tfp_parallel alone = {.threads = 1};
  REGION_BEGIN();
  tfp_recurrent_run(&op, &io, &alone);
  REGION_END();
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const size_t bytes =
      blocks * (tfp_packed_block_bytes(kernels, depth) + tfp_packed_block_bytes(kernels, units));
  uint32_t sum = checksum(y, steps * units);
  for (size_t i = 0; i < cell->states; ++i) sum ^= checksum(last[i], units * sizeof(float));
  printf("weights %zu checksum %08x\n", bytes, (unsigned)sum);
  return 0;
}

#endif
