#include "tfp_embedding.h"

#include <stdio.h>
#include <string.h>

#include "../common/tfp_unpack.h"

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

size_t tfp_embedding_row_bytes(const tfp_embedding_shape *shape) {
  return (shape->width * (size_t)shape->table_bits + 7) / 8;
}

/* Whether a product is that of int8 vectors: those of means are float32. */
static bool multiplies(const tfp_embedding_shape *shape) {
  return shape->has_product && shape->mean == TFP_MEAN_NONE;
}

/* Lays everything out in `arena`: with a NULL base, only measures. The matrix stands in front. */
static void layout(tfp_embedding *op, tfp_arena *arena) {
  const tfp_embedding_shape *shape = &op->shape;
  const size_t units = shape->has_product ? shape->product.rows : shape->width;
  op->row_bytes = tfp_embedding_row_bytes(shape);
  op->padded = round_up(units, TFP_ROW_BLOCK);
  op->multiplier = tfp_arena_take(arena, op->padded, sizeof(float));
  op->of_row = tfp_arena_take(arena, shape->is_float ? 0 : op->padded, sizeof(float));
  op->zeros = tfp_arena_take(arena, op->padded, sizeof(float));
  op->rows = tfp_arena_take(arena, shape->width, TFP_MAX_BATCH);
  const bool averages = shape->mean != TFP_MEAN_NONE;
  const bool converts = !shape->is_float && !shape->has_product && !averages;
  op->sums = tfp_arena_take(arena, converts ? op->padded : 0, sizeof(int32_t));
  op->whole_block = tfp_arena_take(arena, converts ? op->padded : 0, 1);
  const size_t columns = averages && shape->has_product ? op->padded : 0;
  op->columns = tfp_arena_take(arena, columns, shape->width);
  op->means = tfp_arena_take(arena, averages ? shape->width : 0, sizeof(float));
  op->products = tfp_arena_take(arena, columns, sizeof(float));
}

static uint64_t product_bytes(const tfp_variant *variant, const tfp_embedding_shape *shape) {
  return multiplies(shape) ? tfp_fully_connected_bytes(variant, &shape->product, 1) : 0;
}

uint64_t tfp_embedding_bytes(const tfp_variant *variant, const tfp_embedding_shape *shape) {
  tfp_embedding op = {.shape = *shape};
  tfp_arena arena = {NULL, product_bytes(variant, shape)};
  layout(&op, &arena);
  return arena.used;
}

bool tfp_embedding_check(const tfp_embedding_shape *shape, const tfp_embedding_weights *weights,
                         char *error, size_t error_size) {
  if (!shape->is_float && (!tfp_scale_in_range(weights->y_scale) ||
                           weights->y.zero_point < INT8_MIN || weights->y.zero_point > INT8_MAX)) {
    snprintf(error, error_size, "y: scale %g or zero point %ld is out of range",
             (double)weights->y_scale, (long)weights->y.zero_point);
    return false;
  }
  return !shape->has_product ||
         tfp_fully_connected_check(&shape->product, &weights->product, error, error_size);
}

void tfp_embedding_prepare(tfp_embedding *op, const tfp_variant *variant,
                           const tfp_embedding_shape *shape, const tfp_embedding_weights *weights,
                           void *memory) {
  TFP_ASSERT(shape->vocabulary > 0 && shape->width > 0 && memory != NULL);
  TFP_ASSERT(weights->scale_count == 1 || weights->scale_count == shape->vocabulary);
  TFP_ASSERT(!shape->has_product || shape->product.depth == shape->width);
  TFP_ASSERT(shape->mean == TFP_MEAN_NONE || (shape->words > 0 && !shape->product.is_sparse));
  *op = (tfp_embedding){.variant = variant,
                        .shape = *shape,
                        .table = weights->table,
                        .scales = weights->scales,
                        .scale_count = weights->scale_count,
                        .y = weights->y};
  const uint64_t first = product_bytes(variant, shape);
  tfp_arena arena = {memory, first};
  layout(op, &arena);
  memset((unsigned char *)memory + first, 0, (size_t)(arena.used - first));
  if (multiplies(shape)) {
    tfp_fully_connected_prepare(&op->product, variant, &shape->product, 1, &weights->product,
                                memory);
  }
  if (shape->has_product && !multiplies(shape)) tfp_embedding_turn(op, &weights->product);
  const float y_scale = shape->is_float ? 1.0f : weights->y_scale;
  const size_t units = shape->has_product ? shape->product.rows : shape->width;
  for (size_t i = 0; i < units; ++i) {
    const float scale =
        shape->has_product ? tfp_fully_connected_multiplier(&weights->product, i) : 1.0f;
    op->multiplier[i] = scale / y_scale;
  }
}

float tfp_embedding_scale(const tfp_embedding *op, int32_t id) {
  return op->scales[op->scale_count > 1 ? (size_t)id : 0];
}

size_t tfp_embedding_find_bad(const tfp_embedding *op, size_t count, const int32_t *ids) {
  for (size_t i = 0; i < count; ++i) {
    if (ids[i] < 0 || (size_t)ids[i] >= op->shape.vocabulary) return i;
    if (!tfp_scale_in_range(tfp_embedding_scale(op, ids[i]))) return i;
  }
  return count;
}

const int8_t *tfp_embedding_row(const tfp_embedding *op, int32_t id, int8_t *scratch) {
  TFP_ASSERT(id >= 0 && (size_t)id < op->shape.vocabulary);
  const uint8_t *row = op->table + (size_t)id * op->row_bytes;
  if (op->shape.table_bits == 8) return (const int8_t *)row;
  tfp_unpack(row, 0, op->shape.width, (unsigned)op->shape.table_bits, scratch);
  return scratch;
}

/* Multipliers of the row of `id` from `first` on. */
static const float *multipliers_of(const tfp_embedding *op, int32_t id, size_t first,
                                   size_t count) {
  const float scale = tfp_embedding_scale(op, id);
  for (size_t i = first; i < first + count; ++i) op->of_row[i] = scale * op->multiplier[i];
  return op->of_row + first;
}

static void put_floats(const tfp_embedding *op, int32_t id, float *y) {
  const int8_t *row = tfp_embedding_row(op, id, op->rows);
  const float scale = tfp_embedding_scale(op, id);
  for (size_t i = 0; i < op->shape.width; ++i) y[i] = (float)row[i] * scale;
}

static void put_bytes(const tfp_embedding *op, int32_t id, int8_t *y) {
  const int8_t *row = tfp_embedding_row(op, id, op->rows);
  for (size_t i = 0; i < op->shape.width; ++i) op->sums[i] = row[i];
  op->variant->output_s8(op->sums, multipliers_of(op, id, 0, op->padded), op->padded, op->y,
                         op->whole_block);
  memcpy(y, op->whole_block, op->shape.width);
}

/* The vectors of one pass through the matrix. */
typedef struct embedding_pass {
  const tfp_embedding *op;
  const int32_t *ids;
} embedding_pass;

static void write_sums(const void *context, size_t n, int32_t *acc, size_t row, size_t count,
                       void *y) {
  const embedding_pass *pass = context;
  const tfp_embedding *op = pass->op;
  if (!op->shape.is_float) {
    const float *multipliers = multipliers_of(op, pass->ids[n], row, count);
    op->variant->output_s8(acc, multipliers, count, op->y, y);
    return;
  }
  const tfp_affine x = {tfp_embedding_scale(op, pass->ids[n]), 0};
  const tfp_row_parameters rows = {(const int32_t *)(const void *)op->zeros, op->multiplier + row,
                                   op->zeros};
  const tfp_output_f32 to = {&x, -0x1.fffffep+127f, 0x1.fffffep+127f};
  op->variant->output_f32(acc, count, 1, &rows, count, &to, y, count);
}

static void multiply(const tfp_embedding *op, size_t count, const int32_t *ids, unsigned char *y) {
  const tfp_parallel alone = {.threads = 1};
  const size_t size = op->shape.is_float ? sizeof(float) : 1, width = op->shape.width;
  const size_t passes = (count + TFP_MAX_BATCH - 1) / TFP_MAX_BATCH;
  for (size_t pass = 0; pass < passes; ++pass) {
    /* 9 vectors are 4 and 5, not 8 and 1. */
    const size_t first = count * pass / passes, batch = count * (pass + 1) / passes - first;
    for (size_t n = 0; n < batch; ++n) {
      int8_t *to = op->rows + n * width;
      const int8_t *row = tfp_embedding_row(op, ids[first + n], to);
      if (row != to) memcpy(to, row, width);
    }
    const embedding_pass context = {op, ids + first};
    const tfp_sums sums = {write_sums, &context, size};
    tfp_fully_connected_run_sums(&op->product, batch, op->rows,
                                 y + first * op->shape.product.rows * size, &sums, &alone);
  }
}

void tfp_embedding_run(const tfp_embedding *op, size_t count, const int32_t *ids, void *y) {
  TFP_ASSERT(op->table != NULL && op->scales != NULL && ids != NULL && y != NULL);
  if (op->shape.mean != TFP_MEAN_NONE) {
    tfp_embedding_run_mean(op, count, ids, y);
    return;
  }
  if (op->shape.has_product) {
    multiply(op, count, ids, y);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    if (op->shape.is_float) {
      put_floats(op, ids[i], (float *)y + i * op->shape.width);
    } else {
      put_bytes(op, ids[i], (int8_t *)y + i * op->shape.width);
    }
  }
}
