/* A program around tfpipeline.fully_connected, for checks that need the whole process: heap
 * allocations, threads and sanitizers. Compiled by tests/native/test_driver.py with all sources.
 *
 * For many shapes and every kernel: the outputs equal the portable ones with one thread and with
 * three, and a run takes no heap memory. Then damaged options: an answer, never a crash. Prints
 * "ok" and returns 0 when all holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/fully_connected/tfp_fully_connected.h"
#include "../ops/fully_connected/tfp_fully_connected_options.h"
#include "../plugin/tfp_memory.h"
#include "../plugin/tfp_pool.h"
#include "driver.h"

static float *random_floats(size_t count, float low, float step) {
  float *out = fresh(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) out[i] = low + (float)(next() % 2000) * step;
  return out;
}

static void *random_bytes(size_t count) {
  unsigned char *out = fresh(count);
  for (size_t i = 0; i < count; ++i) {
    out[i] = (unsigned char)next();
    if (out[i] == 0x80) out[i] = 0;
  }
  return out;
}

static tfp_fully_connected_weights random_weights(const tfp_fully_connected_shape *shape) {
  const size_t per_byte = 8 / (size_t)shape->weight_bits;
  const size_t row_bytes = (shape->depth + per_byte - 1) / per_byte;
  tfp_fully_connected_weights weights;
  memset(&weights, 0, sizeof weights);
  const int8_t *trits = random_trits(shape->rows, shape->depth, shape->weight_bits);
  weights.trits = trits != NULL;
  weights.values =
      trits ? (const uint8_t *)trits : (const uint8_t *)random_bytes(shape->rows * row_bytes);
  weights.row_numbers = row_bytes * per_byte;
  weights.scale_count = next() % 2 == 0 ? 1 : shape->rows;
  weights.scales = random_floats(weights.scale_count, 0x1p-12f, 0x1p-20f);
  int32_t *bias = fresh(shape->rows * sizeof *bias);
  for (size_t i = 0; i < shape->rows; ++i) {
    bias[i] = (int32_t)(next() % 4000) - 2000;
    if (shape->is_float) memcpy(&bias[i], &(float){(float)bias[i] * 0x1p-9f}, sizeof(float));
  }
  weights.bias = bias;
  weights.x = (tfp_affine){0.03f, (int32_t)(next() % 256) - 128};
  weights.y_scale = 0.1f;
  weights.y = (tfp_output_s8){(int32_t)(next() % 256) - 128, -128, 127};
  weights.y_low = -1.0f;
  weights.y_high = 3.0f;
  return weights;
}

static int check_variant(const tfp_variant *variant, const tfp_fully_connected_shape *shape,
                         const tfp_fully_connected_weights *weights, tfp_pool *pool, size_t batch,
                         const void *x, void *y, const void *expected, size_t y_bytes) {
  const tfp_parallel parallel = tfp_pool_parallel(pool);
  void *memory = tfp_allocate(tfp_fully_connected_bytes(variant, shape, parallel.threads));
  if (memory == NULL) exit(3);
  tfp_fully_connected op;
  tfp_fully_connected_prepare(&op, variant, shape, parallel.threads, weights, memory);
  int failures = 0;
  for (int turn = 0; turn < 3; ++turn) {
    memset(y, 99, y_bytes);
    const unsigned long before = allocations;
    tfp_fully_connected_run(&op, batch, x, y, &parallel);
    if (allocations != before) {
      printf("%s: %lu allocations in run\n", variant->name, allocations - before);
      failures += 1;
    }
    if (expected != NULL && memcmp(y, expected, y_bytes) != 0) {
      printf("%s: other bits at %lu rows, depth %lu, batch %lu, %d bits, float %d, threads %lu\n",
             variant->name, (unsigned long)shape->rows, (unsigned long)shape->depth,
             (unsigned long)batch, shape->weight_bits, shape->is_float, (unsigned long)op.threads);
      failures += 1;
    }
  }
  tfp_release(memory);
  return failures;
}

static int check_shape(size_t rows, size_t depth, int bits, bool is_float, size_t batch,
                       tfp_pool *pool) {
  const tfp_fully_connected_shape shape = {
      .rows = rows, .depth = depth, .weight_bits = bits, .is_float = is_float};
  const tfp_fully_connected_weights weights = random_weights(&shape);
  const size_t size = is_float ? sizeof(float) : 1, y_bytes = batch * rows * size;
  void *x =
      is_float ? (void *)random_floats(batch * depth, -3.0f, 0x1p-8f) : random_bytes(batch * depth);
  void *y = fresh(y_bytes), *expected = fresh(y_bytes);
  char error[320] = "";
  int failures = 0;
  if (!tfp_fully_connected_check(&shape, &weights, error, sizeof error)) {
    printf("%s\n", error);
    failures += 1;
  }
  check_variant(tfp_get_variant(0), &shape, &weights, NULL, batch, x, expected, NULL, y_bytes);
  for (size_t v = 0; v < tfp_variant_count(); ++v) {
    const tfp_variant *variant = tfp_get_variant(v);
    if (!variant->supported()) continue;
    failures += check_variant(variant, &shape, &weights, NULL, batch, x, y, expected, y_bytes);
    failures += check_variant(variant, &shape, &weights, pool, batch, x, y, expected, y_bytes);
  }
  free((void *)weights.values);
  free((void *)weights.scales);
  free((void *)weights.bias);
  free(x);
  free(y);
  free(expected);
  return failures;
}

/* Options with a few bytes changed, in a buffer of any length: parsing answers yes or no, and
 * what it accepts has sizes within the limits. */
static int check_damaged_options(void) {
  static const unsigned char good[TFP_FULLY_CONNECTED_OPTIONS_BYTES] = {
      'T', 'F', 'P', 'F', 1, 0, 32, 0, 0, 0, 0, 0, 96, 0, 0, 0, 40, 0, 0, 0, 8, 1};
  int failures = 0;
  for (int i = 0; i < 50000; ++i) {
    const size_t size = next() % 8 == 0 ? next() % sizeof good : sizeof good;
    unsigned char *data = fresh(size);
    memcpy(data, good, size);
    const uint32_t changes = size > 0 ? next() % 4 : 0;
    for (uint32_t c = 0; c < changes; ++c) data[next() % size] = (unsigned char)next();
    tfp_fully_connected_options options;
    char error[64];
    if (tfp_fully_connected_options_parse(data, size, &options, error, sizeof error)) {
      const bool fits = size == sizeof good && options.rows <= TFP_FULLY_CONNECTED_MAX_ROWS &&
                        options.depth <= TFP_FULLY_CONNECTED_MAX_DEPTH;
      failures += fits ? 0 : 1;
    }
    free(data);
  }
  return failures;
}

int main(void) {
  tfp_pool *pool = tfp_pool_new(3);
  int failures = check_damaged_options();
  for (int i = 0; i < 40; ++i) {
    failures += check_shape(1 + next() % 120, 1 + next() % 70, 2 << next() % 3, next() % 2 == 0,
                            1 + next() % 10, pool);
  }
  /* Large enough for three threads. */
  failures += check_shape(700, 300, 8, false, 3, pool);
  failures += check_shape(1300, 300, 4, true, 2, pool);
  tfp_pool_free(pool);
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
