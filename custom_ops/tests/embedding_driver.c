/* A program around tfpipeline.embedding, for checks that need the whole process: heap allocations
 * and sanitizers. Compiled by tests/native/test_driver.py with all sources.
 *
 * For many shapes and every kernel, in buffers with a guard page at either end: the outputs equal
 * sums and means that are formed number by number, a run takes no heap memory, and ids that are no
 * rows are found. Then damaged options: an answer, never a crash. Prints "ok" and returns 0 when
 * all holds.
 */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/output/tfp_levels_c.h"
#include "../ops/embedding/tfp_embedding.h"
#include "../ops/embedding/tfp_embedding_options.h"
#include "../plugin/tfp_memory.h"
#include "driver.h"
#include "guarded.h"

typedef struct lookup {
  tfp_embedding_shape shape;
  tfp_embedding_weights weights;
  guarded table, scales, product, product_scales, ids;
  size_t count, units;
} lookup;

static int random_bits(void) {
  return 2 << next() % 3;
}

static guarded random_bytes(size_t count, bool at_end) {
  const guarded memory = guarded_new(count, at_end);
  uint8_t *bytes = memory.data;
  for (size_t i = 0; i < count; ++i) {
    bytes[i] = (uint8_t)next();
    if (bytes[i] == 0x80) bytes[i] = 0;
  }
  return memory;
}

static guarded random_scales(size_t count, bool at_end) {
  const guarded memory = guarded_new(count * sizeof(float), at_end);
  for (size_t i = 0; i < count; ++i) {
    ((float *)memory.data)[i] = 0x1p-6f + (float)(next() % 512) * 0x1p-14f;
  }
  return memory;
}

static void add_product(lookup *self, size_t units, bool at_end) {
  const int bits = random_bits();
  const size_t row_bytes = (self->shape.width * (size_t)bits + 7) / 8;
  self->product = random_bytes(units * row_bytes, at_end);
  self->product_scales = random_scales(units, at_end);
  self->shape.has_product = true;
  self->shape.product =
      (tfp_fully_connected_shape){.rows = units, .depth = self->shape.width, .weight_bits = bits};
  self->weights.product = (tfp_fully_connected_weights){.values = self->product.data,
                                                        .row_numbers = row_bytes * 8 / (size_t)bits,
                                                        .scales = self->product_scales.data,
                                                        .scale_count = units,
                                                        .x = {1.0f, 0},
                                                        .y_scale = 1.0f};
}

static lookup new_lookup(size_t vocabulary, size_t width, size_t units, size_t count, bool is_float,
                         bool at_end) {
  const size_t scales = next() % 3 == 0 ? 1 : vocabulary;
  lookup self = {.count = count, .units = units > 0 ? units : width};
  self.shape = (tfp_embedding_shape){
      .vocabulary = vocabulary, .width = width, .table_bits = random_bits(), .is_float = is_float};
  self.table = random_bytes(vocabulary * tfp_embedding_row_bytes(&self.shape), at_end);
  self.scales = random_scales(scales, at_end);
  self.ids = guarded_new(count * sizeof(int32_t), at_end);
  for (size_t i = 0; i < count; ++i) {
    ((int32_t *)self.ids.data)[i] = (int32_t)(i == 0 ? vocabulary - 1 : next() % vocabulary);
  }
  self.weights = (tfp_embedding_weights){.table = self.table.data,
                                         .scales = self.scales.data,
                                         .scale_count = scales,
                                         .y_scale = units > 0 ? 0.5f : 0.01f,
                                         .y = {(int32_t)(next() % 256) - 128, -128, 127}};
  if (units > 0) add_product(&self, units, at_end);
  return self;
}

static void free_lookup(lookup self) {
  guarded_free(self.table);
  guarded_free(self.scales);
  guarded_free(self.ids);
  if (!self.shape.has_product) return;
  guarded_free(self.product);
  guarded_free(self.product_scales);
}

/* Number `k` of row `row` of a matrix whose rows begin at whole bytes. */
static int32_t number(const uint8_t *values, size_t row, size_t k, size_t width, int bits) {
  const size_t row_bytes = (width * (size_t)bits + 7) / 8, bit = k * (size_t)bits;
  const int sign = 1 << (bits - 1);
  const int value = values[row * row_bytes + bit / 8] >> (bit % 8) & ((1 << bits) - 1);
  return (value ^ sign) - sign;
}

/* The mean, in float32, of number `k` of the rows of vector `n`. */
static float mean_at(const lookup *self, size_t n, size_t k) {
  const size_t span = self->shape.words;
  const int32_t *ids = (const int32_t *)self->ids.data + n * span;
  float total = 0.0f;
  size_t words = 0;
  for (size_t t = 0; t < span; ++t) {
    if (self->shape.mean == TFP_MEAN_MASKED && ids[t] == 0) continue;
    const float of_row = self->weights.scales[self->weights.scale_count > 1 ? (size_t)ids[t] : 0];
    total += (float)number(self->weights.table, (size_t)ids[t], k, self->shape.width,
                           self->shape.table_bits) *
             of_row;
    words += 1;
  }
  return total / (float)(words > 0 ? words : 1);
}

static void expect_mean(const lookup *self, size_t n, size_t i, void *y) {
  const tfp_embedding_weights *w = &self->weights;
  float acc = 0.0f;
  for (size_t k = 0; self->shape.has_product && k < self->shape.width; ++k) {
    acc +=
        (float)number(w->product.values, i, k, self->shape.width, self->shape.product.weight_bits) *
        mean_at(self, n, k);
  }
  if (!self->shape.has_product) acc = mean_at(self, n, i);
  const float scale = self->shape.has_product ? w->product.scales[i] : 1.0f;
  if (self->shape.is_float) {
    ((float *)y)[n * self->units + i] = acc * scale;
    return;
  }
  const float low = (float)(-128 - w->y.zero_point), high = (float)(127 - w->y.zero_point);
  const int32_t level = tfp_round_c(tfp_clamp_c(acc * (scale / w->y_scale), low, high));
  ((int8_t *)y)[n * self->units + i] = (int8_t)(level + w->y.zero_point);
}

static void expect_at(const lookup *self, size_t n, size_t i, void *y) {
  if (self->shape.mean != TFP_MEAN_NONE) {
    expect_mean(self, n, i, y);
    return;
  }
  const size_t id = (size_t)((const int32_t *)self->ids.data)[n], width = self->shape.width;
  const tfp_embedding_weights *w = &self->weights;
  int32_t acc = 0;
  for (size_t k = 0; self->shape.has_product && k < width; ++k) {
    acc += number(w->product.values, i, k, width, self->shape.product.weight_bits) *
           number(w->table, id, k, width, self->shape.table_bits);
  }
  if (!self->shape.has_product) acc = number(w->table, id, i, width, self->shape.table_bits);
  const float scale = self->shape.has_product ? w->product.scales[i] : 1.0f;
  const float of_row = w->scales[w->scale_count > 1 ? id : 0];
  if (self->shape.is_float) {
    ((float *)y)[n * self->units + i] = (float)acc * of_row * scale;
    return;
  }
  const float of_y = scale / w->y_scale, multiplier = of_row * of_y;
  const float low = (float)(-128 - w->y.zero_point), high = (float)(127 - w->y.zero_point);
  const int32_t level = tfp_round_c(tfp_clamp_c((float)acc * multiplier, low, high));
  ((int8_t *)y)[n * self->units + i] = (int8_t)(level + w->y.zero_point);
}

static int check_ids(const tfp_embedding *op, const lookup *self) {
  const int32_t vocabulary = (int32_t)self->shape.vocabulary;
  const int32_t wrong[] = {-1, vocabulary, INT32_MIN, INT32_MAX};
  int32_t *ids = self->ids.data;
  const size_t place = next() % self->count;
  const int32_t kept = ids[place];
  int failures = tfp_embedding_find_bad(op, self->count, ids) != self->count;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
    ids[place] = wrong[i];
    failures += tfp_embedding_find_bad(op, self->count, ids) != place;
  }
  ids[place] = kept;
  return failures;
}

static int check_run(const tfp_variant *variant, const lookup *self, guarded y,
                     const void *expected, size_t y_bytes) {
  void *memory = tfp_allocate(tfp_embedding_bytes(variant, &self->shape));
  if (memory == NULL) exit(3);
  tfp_embedding op;
  tfp_embedding_prepare(&op, variant, &self->shape, &self->weights, memory);
  int failures = check_ids(&op, self);
  for (int turn = 0; turn < 2; ++turn) {
    memset(y.data, 99, y_bytes);
    const unsigned long before = allocations;
    tfp_embedding_run(&op, self->count, self->ids.data, y.data);
    failures += allocations != before;
    failures += memcmp(y.data, expected, y_bytes) != 0;
  }
  if (failures > 0) {
    printf("%s: %d failures at %lu rows of %lu, %lu units, %lu ids\n", variant->name, failures,
           (unsigned long)self->shape.vocabulary, (unsigned long)self->shape.width,
           (unsigned long)self->units, (unsigned long)self->count);
  }
  tfp_release(memory);
  return failures;
}

static int check_shape(size_t vocabulary, size_t width, size_t units, size_t count, bool is_float) {
  const bool at_end = next() % 2 == 0;
  lookup self = new_lookup(vocabulary, width, units, count, is_float, at_end);
  const size_t divisors[] = {1, count, count % 2 == 0 ? count / 2 : count};
  self.shape.mean = (tfp_mean)(next() % TFP_MEAN_MASKED_OR_NAN);
  self.shape.words = divisors[next() % 3];
  const size_t vectors = self.shape.mean == TFP_MEAN_NONE ? count : count / self.shape.words;
  const size_t y_bytes = vectors * self.units * (is_float ? sizeof(float) : 1);
  const guarded y = guarded_new(y_bytes, at_end);
  void *expected = fresh(y_bytes);
  for (size_t n = 0; n < vectors; ++n) {
    for (size_t i = 0; i < self.units; ++i) expect_at(&self, n, i, expected);
  }
  char error[320] = "";
  int failures = 0;
  if (!tfp_embedding_check(&self.shape, &self.weights, error, sizeof error)) {
    printf("%s\n", error);
    failures += 1;
  }
  for (size_t v = 0; v < tfp_variant_count(); ++v) {
    const tfp_variant *variant = tfp_get_variant(v);
    if (variant->supported()) failures += check_run(variant, &self, y, expected, y_bytes);
  }
  free(expected);
  guarded_free(y);
  free_lookup(self);
  return failures;
}

/* Options with a few bytes changed, in a buffer of any length. */
static int check_damaged_options(void) {
  static const unsigned char good[TFP_EMBEDDING_OPTIONS_BYTES] = {
      'T', 'F', 'P', 'E', 1, 0, 32, 0, 0, 0, 0, 0, 96, 0, 0, 0, 29, 0, 0, 0, 44, 1, 0, 0, 4, 8};
  int failures = 0, accepted = 0;
  for (int i = 0; i < 50000; ++i) {
    const size_t size = next() % 8 == 0 ? next() % sizeof good : sizeof good;
    unsigned char *data = fresh(size);
    memcpy(data, good, size);
    const uint32_t changes = size > 0 ? next() % 4 : 0;
    for (uint32_t c = 0; c < changes; ++c) data[next() % size] = (unsigned char)next();
    tfp_embedding_options options;
    char error[64];
    if (tfp_embedding_options_parse(data, size, &options, error, sizeof error)) {
      const bool fits = size == sizeof good && options.vocabulary <= INT32_MAX &&
                        options.units <= TFP_FULLY_CONNECTED_MAX_ROWS &&
                        options.width <= TFP_FULLY_CONNECTED_MAX_DEPTH &&
                        (unsigned)options.mean < TFP_MEANS;
      failures += fits ? 0 : 1;
      accepted += 1;
    }
    free(data);
  }
  if (accepted < 5000) failures += printf("the options without damage are refused\n");
  return failures;
}

int main(void) {
  int failures = check_damaged_options();
  for (int i = 0; i < 240; ++i) {
    const size_t units = next() % 3 == 0 ? 0 : 1 + next() % 120;
    failures +=
        check_shape(1 + next() % 60, 1 + next() % 80, units, 1 + next() % 20, next() % 2 == 0);
  }
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
