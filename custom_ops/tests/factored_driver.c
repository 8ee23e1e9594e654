/* A program around tfpipeline.factored_fully_connected, for checks that need the whole process:
 * heap allocations, threads and sanitizers. Compiled by tests/native/test_driver.py with all
 * sources.
 *
 * For many shapes and every kernel, in buffers with a guard page at either end: the outputs equal
 * two portable layers one after the other, with one thread and with three, and a run takes no heap
 * memory. Then damaged options: an answer, never a crash. Prints "ok" and returns 0 when all holds.
 */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/fully_connected/tfp_factored.h"
#include "../ops/fully_connected/tfp_factored_options.h"
#include "../plugin/tfp_memory.h"
#include "../plugin/tfp_pool.h"
#include "driver.h"
#include "guarded.h"

typedef struct layer {
  tfp_fully_connected_shape shapes[2];
  tfp_fully_connected_weights weights[2];
  guarded values[2];
  float *scales[2];
  int32_t *bias;
} layer;

static void fill_factor(layer *self, int i, size_t rows, size_t depth, bool is_float, bool at_end) {
  const int bits = 2 << next() % 3;
  const size_t per_byte = 8 / (size_t)bits, row_bytes = (depth + per_byte - 1) / per_byte;
  self->shapes[i] = (tfp_fully_connected_shape){
      .rows = rows, .depth = depth, .weight_bits = bits, .is_float = is_float};
  self->values[i] = guarded_new(rows * row_bytes, at_end);
  uint8_t *values = self->values[i].data;
  for (size_t k = 0; k < rows * row_bytes; ++k) {
    values[k] = (uint8_t)next();
    if (values[k] == 0x80) values[k] = 0;
  }
  self->scales[i] = fresh(rows * sizeof(float));
  for (size_t k = 0; k < rows; ++k) {
    self->scales[i][k] = 0x1p-10f + (float)(next() % 512) * 0x1p-18f;
  }
  self->weights[i] = (tfp_fully_connected_weights){.values = values,
                                                   .row_numbers = row_bytes * per_byte,
                                                   .scales = self->scales[i],
                                                   .scale_count = rows,
                                                   .y_low = -1e30f,
                                                   .y_high = 1e30f};
}

static layer new_layer(size_t rows, size_t rank, size_t depth, bool is_float, bool at_end) {
  const tfp_affine x = {0.03f, (int32_t)(next() % 256) - 128};
  const tfp_affine inner = {0.02f, (int32_t)(next() % 256) - 128};
  layer self = {.bias = fresh(rows * sizeof(int32_t))};
  fill_factor(&self, 0, rank, depth, is_float, at_end);
  fill_factor(&self, 1, rows, rank, is_float, at_end);
  for (size_t i = 0; i < rows; ++i) {
    self.bias[i] = (int32_t)(next() % 4000) - 2000;
    if (is_float) memcpy(&self.bias[i], &(float){(float)self.bias[i] * 0x1p-9f}, sizeof(float));
  }
  self.weights[0].x = x;
  self.weights[0].y_scale = inner.scale;
  self.weights[0].y = (tfp_output_s8){inner.zero_point, -128, 127};
  self.weights[1].x = inner;
  self.weights[1].y_scale = 0.01f;
  self.weights[1].y = (tfp_output_s8){3, 3, 127};
  self.weights[1].bias = self.bias;
  return self;
}

static void free_layer(layer self) {
  for (int i = 0; i < 2; ++i) {
    guarded_free(self.values[i]);
    free(self.scales[i]);
  }
  free(self.bias);
}

/* One factor with portable kernels. */
static void run_portable(const layer *self, int i, size_t batch, const void *x, void *y) {
  const tfp_variant *variant = tfp_get_variant(0);
  const tfp_parallel alone = {.threads = 1};
  void *memory = tfp_allocate(tfp_fully_connected_bytes(variant, &self->shapes[i], 1));
  if (memory == NULL) exit(3);
  tfp_fully_connected op;
  tfp_fully_connected_prepare(&op, variant, &self->shapes[i], 1, &self->weights[i], memory);
  tfp_fully_connected_run(&op, batch, x, y, &alone);
  tfp_release(memory);
}

static int check_run(const tfp_variant *variant, const layer *self, tfp_pool *pool, size_t batch,
                     guarded x, guarded y, const void *expected, size_t y_bytes) {
  const tfp_parallel parallel = tfp_pool_parallel(pool);
  void *memory = tfp_allocate(
      tfp_factored_bytes(variant, &self->shapes[0], &self->shapes[1], parallel.threads));
  if (memory == NULL) exit(3);
  tfp_factored op;
  tfp_factored_prepare(&op, variant, self->shapes, parallel.threads, self->weights, memory);
  int failures = 0;
  for (int turn = 0; turn < 2; ++turn) {
    memset(y.data, 99, y_bytes);
    const unsigned long before = allocations;
    tfp_factored_run(&op, batch, x.data, y.data, &parallel);
    failures += allocations != before;
    failures += memcmp(y.data, expected, y_bytes) != 0;
  }
  if (failures > 0) {
    printf("%s: %d failures at %lu rows, rank %lu, depth %lu, batch %lu, %lu threads\n",
           variant->name, failures, (unsigned long)self->shapes[1].rows,
           (unsigned long)self->shapes[0].rows, (unsigned long)self->shapes[0].depth,
           (unsigned long)batch, (unsigned long)parallel.threads);
  }
  tfp_release(memory);
  return failures;
}

static int check_shape(size_t rows, size_t rank, size_t depth, size_t batch, bool is_float,
                       tfp_pool *pool) {
  const bool at_end = next() % 2 == 0;
  const layer self = new_layer(rows, rank, depth, is_float, at_end);
  const size_t size = is_float ? sizeof(float) : 1, y_bytes = batch * rows * size;
  const guarded x = guarded_new(batch * depth * size, at_end), y = guarded_new(y_bytes, at_end);
  for (size_t i = 0; i < batch * depth; ++i) {
    if (is_float) {
      ((float *)x.data)[i] = (float)(next() % 2000) * 0x1p-8f - 3.0f;
    } else {
      ((int8_t *)x.data)[i] = (int8_t)next();
    }
  }
  void *inner = fresh(batch * rank * size), *expected = fresh(y_bytes);
  run_portable(&self, 0, batch, x.data, inner);
  run_portable(&self, 1, batch, inner, expected);
  char error[320] = "";
  int failures = 0;
  for (int i = 0; i < 2; ++i) {
    if (!tfp_fully_connected_check(&self.shapes[i], &self.weights[i], error, sizeof error)) {
      printf("%s\n", error);
      failures += 1;
    }
  }
  for (size_t v = 0; v < tfp_variant_count(); ++v) {
    const tfp_variant *variant = tfp_get_variant(v);
    if (!variant->supported()) continue;
    failures += check_run(variant, &self, NULL, batch, x, y, expected, y_bytes);
    failures += check_run(variant, &self, pool, batch, x, y, expected, y_bytes);
  }
  free(inner);
  free(expected);
  guarded_free(x);
  guarded_free(y);
  free_layer(self);
  return failures;
}

/* Options with a few bytes changed, in a buffer of any length. */
static int check_damaged_options(void) {
  static const unsigned char good[TFP_FACTORED_OPTIONS_BYTES] = {
      'T', 'F', 'P', 'P', 1, 0, 40, 0, 0, 0, 0, 0, 96, 0, 0,    0,
      40,  0,   0,   0,   9, 0, 0,  0, 8, 4, 1, 5, 0,  0, 0x80, 0x3f};
  int failures = 0, accepted = 0;
  for (int i = 0; i < 50000; ++i) {
    const size_t size = next() % 8 == 0 ? next() % sizeof good : sizeof good;
    unsigned char *data = fresh(size);
    memcpy(data, good, size);
    const uint32_t changes = size > 0 ? next() % 4 : 0;
    for (uint32_t c = 0; c < changes; ++c) data[next() % size] = (unsigned char)next();
    tfp_factored_options options;
    char error[64];
    if (tfp_factored_options_parse(data, size, &options, error, sizeof error)) {
      const bool fits = size == sizeof good && options.rows <= TFP_FULLY_CONNECTED_MAX_ROWS &&
                        options.depth <= TFP_FULLY_CONNECTED_MAX_DEPTH &&
                        options.rank <= TFP_FULLY_CONNECTED_MAX_DEPTH;
      failures += fits ? 0 : 1;
      accepted += 1;
    }
    free(data);
  }
  if (accepted < 5000) failures += printf("the options without damage are refused\n");
  return failures;
}

int main(void) {
  tfp_pool *pool = tfp_pool_new(3);
  int failures = check_damaged_options();
  for (int i = 0; i < 40; ++i) {
    failures += check_shape(1 + next() % 120, 1 + next() % 40, 1 + next() % 70, 1 + next() % 18,
                            next() % 2 == 0, pool);
  }
  /* Large enough for three threads in both factors. */
  failures += check_shape(900, 300, 900, 3, false, pool);
  tfp_pool_free(pool);
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
