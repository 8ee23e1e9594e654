#include "tfp_fully_connected.h"

#include <string.h>

#include "../common/tfp_unpack.h"

/* A thread with fewer bytes of weights than this costs more than it saves. */
enum { kBytesPerThread = 64 * 1024 };

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

/* Lays everything out in `arena`: with a NULL base, only measures. */
static void layout(tfp_fully_connected *op, size_t threads, tfp_arena *arena) {
  const size_t depth = op->shape.depth;
  const tfp_weight_format format = {op->shape.weight_bits, op->shape.is_sparse, op->shape.tiles};
  op->blocks = round_up(op->shape.rows, TFP_ROW_BLOCK) / TFP_ROW_BLOCK;
  op->packed = tfp_packed_layout(op->variant, &format, depth, op->blocks, arena);
  op->kernels = op->packed.kernels;
  op->padded_depth = round_up(depth, op->kernels->depth_block);
  const uint64_t worth = (uint64_t)op->blocks * op->packed.block_bytes / kBytesPerThread;
  op->threads = threads < worth ? threads : worth > 1 ? (size_t)worth : 1;
  const size_t width = op->blocks * TFP_ROW_BLOCK;
  op->multiplier = tfp_arena_take(arena, width, sizeof(float));
  op->weight_sums = tfp_arena_take(arena, op->shape.is_float ? width : 0, sizeof(int32_t));
  op->bias = tfp_arena_take(arena, op->shape.is_float ? width : 0, sizeof(float));
  op->backwards = tfp_arena_take(arena, 1, sizeof(bool));
  op->x = tfp_arena_take(arena, op->padded_depth, TFP_MAX_BATCH);
  op->acc = tfp_arena_take(arena, op->threads, TFP_FULLY_CONNECTED_SUMS * sizeof(int32_t));
  const bool unpacks = op->shape.weight_bits < 8 || op->shape.is_unsigned || op->shape.is_sparse;
  op->unpacked = tfp_arena_take(arena, unpacks ? depth : 0, TFP_ROW_BLOCK);
}

uint64_t tfp_fully_connected_bytes(const tfp_variant *variant,
                                   const tfp_fully_connected_shape *shape, size_t threads) {
  tfp_fully_connected op = {.variant = variant, .shape = *shape};
  tfp_arena arena = {NULL, 0};
  layout(&op, threads, &arena);
  return arena.used;
}

static float row_scale(const tfp_fully_connected_weights *weights, size_t row) {
  return weights->scales[weights->scale_count > 1 ? row : 0];
}

float tfp_fully_connected_multiplier(const tfp_fully_connected_weights *weights, size_t row) {
  return weights->x.scale * row_scale(weights, row) / weights->y_scale;
}

/* uint8 weights less their offset. What does not fit is cut; tfp_fully_connected_u8.c adds it. */
static void centre(const tfp_fully_connected *op, const uint8_t *values, int32_t offset,
                   size_t count) {
  const int32_t low = op->variant->takes_minus_128 ? -128 : -127;
  for (size_t i = 0; i < count; ++i) {
    const int32_t value = (int32_t)values[i] - offset;
    op->unpacked[i] = (int8_t)(value < low ? low : value > 127 ? 127 : value);
  }
}

/* Rows `first` to `first + rows` of the weights, one number a byte. */
static const int8_t *rows_of(const tfp_fully_connected *op,
                             const tfp_fully_connected_weights *weights, size_t first,
                             size_t rows) {
  const size_t depth = op->shape.depth;
  const unsigned bits = (unsigned)op->shape.weight_bits;
  if (op->shape.is_unsigned) {
    centre(op, weights->values + first * depth, weights->offset, rows * depth);
    return op->unpacked;
  }
  if (op->shape.is_sparse) {
    tfp_spread_tiles(&weights->tiles, (const int8_t *)weights->values, first, rows, depth,
                     op->unpacked);
    return op->unpacked;
  }
  if (bits == 8) return (const int8_t *)weights->values + first * depth;
  for (size_t row = 0; row < rows; ++row) {
    int8_t *out = op->unpacked + row * depth;
    if (weights->trits) {
      tfp_unpack_trits(weights->values + (first + row) * tfp_trit_bytes(depth), depth, out);
    } else {
      tfp_unpack(weights->values, (first + row) * weights->row_numbers, depth, bits, out);
    }
  }
  return op->unpacked;
}

static int32_t sum_of(const int8_t *w, size_t depth) {
  int32_t sum = 0;
  for (size_t k = 0; k < depth; ++k) sum += w[k];
  return sum;
}

/* The parameters of `rows` rows from `first` on; an int8 op adds its bias before it scales. */
static void fill_parameters(const tfp_fully_connected *op,
                            const tfp_fully_connected_weights *weights, const int8_t *values,
                            size_t first, size_t rows, int32_t *start) {
  for (size_t i = 0; i < rows; ++i) {
    const size_t row = first + i;
    if (op->shape.is_float) {
      const float bias = weights->bias != NULL ? ((const float *)weights->bias)[row] : 0.0f;
      op->multiplier[row] = row_scale(weights, row);
      op->weight_sums[row] = sum_of(values + i * op->shape.depth, op->shape.depth);
      op->bias[row] = bias;
    } else {
      op->multiplier[row] = tfp_fully_connected_multiplier(weights, row);
      /* Unsigned: sums wrap around as those of vectors do. */
      const uint32_t bias =
          weights->bias != NULL ? (uint32_t)((const int32_t *)weights->bias)[row] : 0;
      start[i] = (int32_t)((uint32_t)start[i] + bias);
    }
  }
}

void tfp_fully_connected_prepare(tfp_fully_connected *op, const tfp_variant *variant,
                                 const tfp_fully_connected_shape *shape, size_t threads,
                                 const tfp_fully_connected_weights *weights, void *memory) {
  TFP_ASSERT(shape->rows > 0 && shape->depth > 0 && threads > 0 && memory != NULL);
  TFP_ASSERT(variant->supported() && weights->values != NULL && weights->scales != NULL);
  TFP_ASSERT(weights->scale_count == 1 || weights->scale_count == shape->rows);
  *op = (tfp_fully_connected){.variant = variant,
                              .shape = *shape,
                              .y = weights->y,
                              .y_low = weights->y_low,
                              .y_high = weights->y_high};
  tfp_arena arena = {memory, 0};
  layout(op, threads, &arena);
  memset(memory, 0, (size_t)arena.used);
  for (size_t block = 0; block < op->blocks; ++block) {
    const size_t row = block * TFP_ROW_BLOCK;
    const size_t left = shape->rows - row, rows = left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK;
    const int8_t *values = rows_of(op, weights, row, rows);
    int32_t *start = tfp_packed_put(&op->packed, block, values, rows,
                                    shape->is_float ? 0 : weights->x.zero_point);
    fill_parameters(op, weights, values, row, rows, start);
  }
}
