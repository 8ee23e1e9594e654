/* A program around the recurrent ops of every cell, for checks that need the whole process: heap
 * allocations, flush-to-zero modes, and sanitizers. Compiled by tests/native/test_driver.py
 * together with all sources.
 *
 * For many shapes and every kernel: the outputs equal the portable ones, tfpipeline_recurrent_run
 * takes no heap memory, and flushing subnormal numbers changes nothing. Then damaged options: an
 * answer, never a crash. Prints "ok" and returns 0 when all holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/tfp_recurrent.h"
#include "../plugin/tfpipeline_ops.h"
#include "driver.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_FLUSH 1
#else
#define HAS_FLUSH 0
#endif

static int8_t *random_bytes(size_t count, int lowest) {
  int8_t *out = fresh(count);
  for (size_t i = 0; i < count; ++i) {
    const int value = (int)(next() % 256) - 128;
    out[i] = (int8_t)(value < lowest ? lowest : value);
  }
  return out;
}

static float *random_floats(size_t count, float scale) {
  float *out = fresh(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) out[i] = ((float)(next() % 2001) - 1000.0f) * scale;
  return out;
}

static tfp_matrix random_matrix(size_t rows, size_t depth, float scale) {
  float *scales = fresh(rows * sizeof(float));
  for (size_t i = 0; i < rows; ++i) scales[i] = scale * (float)(1 + next() % 100);
  return (tfp_matrix){random_bytes(rows * depth, -127), scales, rows, depth};
}

static void write_u32(unsigned char *at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = (unsigned char)(value >> 8 * i);
}

static void write_options(unsigned char *data, const tfp_cell *cell, uint32_t units, uint32_t depth,
                          uint32_t rank_x, uint32_t rank_h, uint32_t flags) {
  const uint32_t words[] = {flags,  units,       depth,       rank_x,
                            rank_h, 0x3d800000u, 0x3d000000u, 0x3c010204u};
  memset(data, 0, TFP_RECURRENT_OPTIONS_BYTES);
  memcpy(data, cell->magic, 4);
  memcpy(data + 4, "\1\0\100\0", 4);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) write_u32(data + 8 + 4 * i, words[i]);
  data[40] = data[41] = 1;
}

static void flush_subnormals(bool on) {
#if HAS_FLUSH
  _mm_setcsr(on ? _mm_getcsr() | 0x8040u : _mm_getcsr() & ~0x8040u);
#else
  (void)on;
#endif
}

static int check_shape(const tfp_cell *cell, uint32_t units, uint32_t depth, uint32_t rank_x,
                       uint32_t rank_h, size_t batch, size_t time, uint32_t flags, float scale) {
  unsigned char *options = fresh(TFP_RECURRENT_OPTIONS_BYTES);
  write_options(options, cell, units, depth, rank_x, rank_h, flags);
  const size_t rows = cell->gates * units, state_bytes = batch * units * sizeof(float);
  tfp_recurrent_weights weights;
  memset(&weights, 0, sizeof weights);
  weights.kernel[0] = random_matrix(rank_x > 0 ? rank_x : rows, depth, scale);
  if (rank_x > 0) weights.kernel[1] = random_matrix(rows, rank_x, scale);
  weights.recurrent[0] = random_matrix(rank_h > 0 ? rank_h : rows, units, scale);
  if (rank_h > 0) weights.recurrent[1] = random_matrix(rows, rank_h, scale);
  weights.bias = random_floats(cell->bias_rows * rows, scale);
  weights.x_scale = scale;
  weights.x_zero_point = (int32_t)(next() % 256) - 128;
  const size_t steps = (flags & 1) != 0 ? time : 1;
  int8_t *x = random_bytes(batch * time * depth, -128);
  int8_t *y = fresh(batch * steps * units), *expected_y = fresh(batch * steps * units);
  float *first[TFP_MAX_STATES] = {NULL};
  float *last[TFP_MAX_STATES] = {NULL}, *expected[TFP_MAX_STATES] = {NULL};
  for (size_t i = 0; i < cell->states; ++i) {
    first[i] = random_floats(batch * units, scale);
    last[i] = fresh(state_bytes);
    expected[i] = fresh(state_bytes);
  }
  int failures = 0;
  for (size_t v = 0; v < tfp_variant_count(); ++v) {
    const tfp_variant *variant = tfp_get_variant(v);
    if (!variant->supported()) continue;
    char error[320] = "";
    void *op =
        tfpipeline_recurrent_create(cell->name, variant->name, options, TFP_RECURRENT_OPTIONS_BYTES,
                                    &weights, error, sizeof error);
    if (op == NULL) {
      printf("%s: %s\n", variant->name, error);
      failures += 1;
      continue;
    }
    for (int flush = 0; flush < 2; ++flush) {
      const bool reference = v == 0 && flush == 0;
      memset(y, 99, batch * steps * units);
      flush_subnormals(flush != 0);
      const unsigned long before = allocations;
      tfpipeline_recurrent_run(op, batch, time, x, (const float *const *)first,
                               reference ? expected_y : y, reference ? expected : last);
      const unsigned long during = allocations - before;
      flush_subnormals(false);
      if (during > 0) {
        printf("%s: %lu allocations in run\n", variant->name, during);
        failures += 1;
      }
      bool same = reference || memcmp(y, expected_y, batch * steps * units) == 0;
      for (size_t i = 0; i < cell->states; ++i) {
        same = same && (reference || memcmp(last[i], expected[i], state_bytes) == 0);
      }
      if (!same) {
        printf("%s %s, flush %d: other bits at units %u, depth %u, ranks %u and %u, scale %g\n",
               cell->name, variant->name, flush, units, depth, rank_x, rank_h, (double)scale);
        failures += 1;
      }
    }
    tfpipeline_recurrent_destroy(op);
  }
  for (int i = 0; i < 2; ++i) {
    free((void *)weights.kernel[i].values);
    free((void *)weights.kernel[i].scales);
    free((void *)weights.recurrent[i].values);
    free((void *)weights.recurrent[i].scales);
  }
  free((void *)weights.bias);
  free(options);
  free(x);
  free(y);
  free(expected_y);
  for (size_t i = 0; i < cell->states; ++i) {
    free(first[i]);
    free(last[i]);
    free(expected[i]);
  }
  return failures;
}

/* Options with a few bytes changed, in a buffer of any length: parsing answers yes or no, and
 * what it accepts has sizes within the limits. */
static int check_damaged_options(const tfp_cell *cell) {
  int failures = 0;
  for (int i = 0; i < 50000; ++i) {
    unsigned char whole[TFP_RECURRENT_OPTIONS_BYTES];
    write_options(whole, cell, 1 + next() % 300, 1 + next() % 300, next() % 40, next() % 40,
                  next() % 4);
    const uint32_t changes = next() % 4;
    for (uint32_t c = 0; c < changes; ++c) {
      whole[next() % sizeof whole] = (unsigned char)next();
    }
    const size_t size = next() % 8 == 0 ? next() % sizeof whole : sizeof whole;
    unsigned char *data = fresh(size);
    memcpy(data, whole, size);
    tfp_recurrent_options options;
    char error[64];
    if (tfp_recurrent_options_parse(cell, data, size, &options, error, sizeof error)) {
      const uint64_t bytes = tfp_recurrent_bytes(tfp_get_variant(0), cell, &options);
      const bool fits = size == sizeof whole && options.units <= TFP_RECURRENT_MAX_UNITS &&
                        options.input_dim <= TFP_RECURRENT_MAX_DEPTH && bytes < (uint64_t)1 << 36;
      failures += fits ? 0 : 1;
    }
    free(data);
  }
  return failures;
}

int main(void) {
  static const float scales[] = {0x1p-10f, 0x1p-40f, 0x1p-20f};
  static const tfp_cell *const cells[] = {&tfp_cell_gru, &tfp_cell_lstm};
  int failures = 0;
  for (size_t c = 0; c < sizeof cells / sizeof cells[0]; ++c) {
    failures += check_damaged_options(cells[c]);
    for (int i = 0; i < 80; ++i) {
      const uint32_t units = 1 + next() % 70, depth = 1 + next() % 50;
      failures += check_shape(cells[c], units, depth, next() % 3 * (next() % 20),
                              next() % 3 * (next() % 20), 1 + next() % 3, 1 + next() % 9,
                              next() % 4, scales[next() % 3]);
    }
  }
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
