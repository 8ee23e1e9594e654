/* A program around the uint8 fully connected op, for checks that need the whole process: heap
 * allocations, threads and sanitizers. Compiled by tests/native/test_driver.py with all sources.
 *
 * For many shapes, every output and every kernel, in buffers with a guard page at either end: the
 * results equal plain loops with one thread and with three, and a run takes no heap memory. Prints
 * "ok" and returns 0 when all holds. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/fully_connected/tfp_fully_connected_u8.h"
#include "../plugin/tfp_memory.h"
#include "../plugin/tfp_pool.h"
#include "driver.h"
#include "guarded.h"

/* uint8 numbers, of which many are 0 and 255. */
static guarded random_weights(size_t count, bool at_end) {
  guarded memory = guarded_new(count, at_end);
  uint8_t *out = memory.data;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t kind = next() % 8;
    out[i] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? 255 : next());
  }
  return memory;
}

static int32_t plain_sum(const tfp_fully_connected_u8_weights *weights, const uint8_t *x,
                         size_t row, size_t depth) {
  int32_t sum = weights->bias != NULL ? weights->bias[row] : 0;
  for (size_t k = 0; k < depth; ++k) {
    sum +=
        (weights->values[row * depth + k] - weights->w.zero_point) * (x[k] - weights->x.zero_point);
  }
  return sum;
}

/* The scales here make the multiplier 2^-8, which gemmlowp takes as a half, up, and 2^-7, away. */
static int32_t plain_output(const tfp_fully_connected_u8_weights *weights, int32_t sum) {
  if (weights->output == kTfpRawSums) return sum;
  const bool is_fixed = weights->output == kTfpFixedPoint;
  const int32_t whole = is_fixed ? (sum + 1) >> 1 : sum, step = is_fixed ? 128 : 256;
  const int32_t rest = whole & (step - 1);
  int32_t level = (whole - rest) / step;
  const bool tie_goes_up = is_fixed ? whole > 0 : level % 2 != 0;
  level += rest > step / 2 || (rest == step / 2 && tie_goes_up);
  level += weights->y.zero_point;
  return level < weights->low ? weights->low : level > weights->high ? weights->high : level;
}

static int check_run(const tfp_variant *variant, const tfp_fully_connected_u8_weights *weights,
                     size_t rows, size_t depth, size_t batch, tfp_pool *pool, bool at_end) {
  const tfp_parallel parallel = tfp_pool_parallel(pool);
  const tfp_fully_connected_u8_shape shape =
      tfp_fully_connected_u8_measure(variant, rows, depth, weights->values);
  void *memory = tfp_allocate(tfp_fully_connected_u8_bytes(variant, &shape, parallel.threads));
  if (memory == NULL) exit(3);
  tfp_fully_connected_u8 op;
  tfp_fully_connected_u8_prepare(&op, variant, &shape, parallel.threads, weights, memory);
  const size_t size = weights->output == kTfpRawSums ? sizeof(int32_t) : 1;
  const guarded x = guarded_new(batch * depth, at_end);
  const guarded y = guarded_new(batch * rows * size, at_end);
  for (size_t i = 0; i < batch * depth; ++i) ((uint8_t *)x.data)[i] = (uint8_t)next();
  const unsigned long before = allocations;
  tfp_fully_connected_u8_run(&op, batch, x.data, y.data, &parallel);
  int failures = allocations != before;
  for (size_t i = 0; i < batch * rows; ++i) {
    const uint8_t *vector = (const uint8_t *)x.data + i / rows * depth;
    const int32_t expected = plain_output(weights, plain_sum(weights, vector, i % rows, depth));
    const int32_t got = size == 1 ? ((const uint8_t *)y.data)[i] : ((const int32_t *)y.data)[i];
    failures += got != expected;
  }
  if (failures > 0) {
    printf("%s: %d failures at %lu rows, depth %lu, batch %lu, output %d, %lu threads\n",
           variant->name, failures, (unsigned long)rows, (unsigned long)depth, (unsigned long)batch,
           (int)weights->output, (unsigned long)parallel.threads);
  }
  guarded_free(x);
  guarded_free(y);
  tfp_release(memory);
  return failures;
}

static int check_shape(size_t rows, size_t depth, size_t batch, tfp_u8_output output,
                       tfp_pool *pool) {
  const bool at_end = next() % 2 == 0;
  const guarded values = random_weights(rows * depth, at_end);
  int32_t *bias = fresh(rows * sizeof *bias);
  for (size_t i = 0; i < rows; ++i) bias[i] = (int32_t)(next() % 4000) - 2000;
  tfp_fully_connected_u8_weights weights = {.values = values.data,
                                            .w = {0x1p-6f, (int32_t)(next() % 256)},
                                            .x = {0x1p-6f, (int32_t)(next() % 256)},
                                            .y = {0x1p-4f, (int32_t)(next() % 256)},
                                            .bias = next() % 3 == 0 ? NULL : bias,
                                            .high = 255,
                                            .output = output};
  weights.low = next() % 2 == 0 ? 0 : weights.y.zero_point;
  char error[320] = "";
  int failures = 0;
  if (!tfp_fully_connected_u8_check(&weights, error, sizeof error)) {
    printf("%s\n", error);
    failures += 1;
  }
  /* Kernels that do not take -128, wherever this runs. */
  tfp_variant cutting = *tfp_get_variant(0);
  cutting.name = "c with a list of cut weights";
  cutting.takes_minus_128 = false;
  for (size_t v = 0; v <= tfp_variant_count(); ++v) {
    const tfp_variant *variant = v < tfp_variant_count() ? tfp_get_variant(v) : &cutting;
    if (!variant->supported()) continue;
    failures += check_run(variant, &weights, rows, depth, batch, NULL, at_end);
    failures += check_run(variant, &weights, rows, depth, batch, pool, at_end);
  }
  guarded_free(values);
  free(bias);
  return failures;
}

int main(void) {
  tfp_pool *pool = tfp_pool_new(3);
  int failures = 0;
  for (int i = 0; i < 60; ++i) {
    failures += check_shape(1 + next() % 120, 1 + next() % 70, 1 + next() % 10,
                            (tfp_u8_output)(i % 3), pool);
  }
  failures += check_shape(900, 300, 3, kTfpFixedPoint, pool); /* large enough for three threads */
  tfp_pool_free(pool);
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
