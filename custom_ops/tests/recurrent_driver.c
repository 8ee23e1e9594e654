/* A program around the recurrent ops of every cell, for checks that need the whole process: heap
 * allocations, flush-to-zero modes, and sanitizers. Compiled by tests/native/test_driver.py
 * together with all sources.
 *
 * For many shapes and every kernel: the outputs equal the portable ones, tfpipeline_recurrent_run
 * takes no heap memory, and flushing subnormal numbers changes nothing. Then damaged options: an
 * answer, never a crash. Prints "ok" and returns 0 when all holds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/recurrent/tfp_recurrent.h"
#include "../plugin/tfpipeline_ops.h"
#include "driver.h"
#include "recurrent_layer.h"

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

/* A pool that runs the parts of a call one after another, the last one first. */
static void run_reversed(void *pool, void (*task)(void *context, size_t i), void *context,
                         size_t count) {
  (void)pool;
  while (count-- > 0) task(context, count);
}

static void flush_subnormals(bool on) {
#if HAS_FLUSH
  _mm_setcsr(on ? _mm_getcsr() | 0x8040u : _mm_getcsr() & ~0x8040u);
#else
  (void)on;
#endif
}

static tfp_matrix random_matrix(size_t rows, size_t depth, unsigned char bits, float scale) {
  float *scales = fresh(rows * sizeof(float));
  for (size_t i = 0; i < rows; ++i) scales[i] = scale * (float)(1 + next() % 100);
  int8_t *trits = random_trits(rows, depth, bits);
  tfp_matrix matrix = {.scales = scales, .rows = rows, .depth = depth, .trits = trits != NULL};
  const size_t bytes = rows * tfp_row_bytes(depth, bits == 0 ? 8 : bits);
  matrix.values = trits ? trits : random_bytes(bytes, bits == 4 || bits == 2 ? -128 : -127);
  return matrix;
}

static int check_shape(const tfp_cell *cell, const layer *of, size_t batch, size_t time,
                       float scale) {
  const uint32_t units = of->units, depth = of->depth, rank_x = of->rank_x, rank_h = of->rank_h;
  const size_t width = of->window * depth, frames = time + of->window - 1;
  const size_t option_bytes = tfp_recurrent_options_bytes(cell);
  unsigned char whole[kMostBytes], *options = fresh(option_bytes);
  write_options(whole, cell, of);
  memcpy(options, whole, option_bytes);
  const size_t rows = cell->gates * units, state_bytes = batch * units * sizeof(float);
  const unsigned char *bits = of->small + 3;
  tfp_recurrent_weights weights;
  memset(&weights, 0, sizeof weights);
  const size_t rows_x = planes_of(bits[0]) * rows, rows_h = planes_of(bits[2]) * rows;
  weights.kernel[0] = random_matrix(rank_x > 0 ? rank_x : rows_x, width, bits[0] & 15, scale);
  if (rank_x > 0) weights.kernel[1] = random_matrix(rows, rank_x, bits[1], scale);
  if (cell->recurrent) {
    weights.recurrent[0] = random_matrix(rank_h > 0 ? rank_h : rows_h, units, bits[2] & 15, scale);
  }
  if (rank_h > 0) weights.recurrent[1] = random_matrix(rows, rank_h, bits[3], scale);
  weights.bias = random_floats(tfp_cell_stored_rows(cell) * rows, scale);
  weights.x_scale = scale;
  weights.x_zero_point = (int32_t)(next() % 256) - 128;
  weights.gains = random_floats(2 * rows, 0x1p-9f);
  const size_t steps = (of->flags & kReturnSequences) != 0 ? time : 1;
  int32_t *lengths = fresh(batch * sizeof(int32_t));
  for (size_t b = 0; b < batch; ++b) lengths[b] = (int32_t)(next() % (time + 4)) - 2;
  int8_t *x = random_bytes(batch * frames * depth, -128);
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
    void *op = tfpipeline_recurrent_create(cell->name, variant->name, options, option_bytes,
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
      const tfp_recurrent_io io = {.batch = batch,
                                   .time = time,
                                   .x = x,
                                   .lengths = lengths,
                                   .first = (const float *const *)first,
                                   .y = reference ? expected_y : y,
                                   .last = reference ? expected : last};
      const tfp_parallel reversed = {.threads = 3, .run = run_reversed};
      tfpipeline_recurrent_run(op, &io, v % 2 == 0 ? NULL : &reversed);
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
  free((void *)weights.gains);
  free(options);
  free(lengths);
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
    unsigned char whole[kMostBytes];
    const layer made = random_layer(cell);
    write_options(whole, cell, &made);
    const size_t right = tfp_recurrent_options_bytes(cell);
    const uint32_t changes = next() % 4;
    for (uint32_t c = 0; c < changes; ++c) whole[next() % right] = (unsigned char)next();
    const size_t size = next() % 8 == 0 ? next() % sizeof whole : right;
    unsigned char *data = fresh(size);
    memcpy(data, whole, size);
    const tfp_recurrent_weights weights = {.x_scale = 1.0f};
    tfp_recurrent_options options;
    char error[64];
    if (tfp_recurrent_options_parse(cell, data, size, &options, error, sizeof error)) {
      const uint64_t bytes = tfp_recurrent_bytes(tfp_get_variant(0), cell, &options, &weights);
      const bool fits = size == right && options.units <= TFP_RECURRENT_MAX_UNITS &&
                        options.input_dim <= TFP_RECURRENT_MAX_DEPTH && bytes < (uint64_t)1 << 36;
      failures += fits ? 0 : 1;
    }
    free(data);
  }
  return failures;
}

static void write_f32(unsigned char *at, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  write_u32(at, bits);
}

/* A cell with two parameters reads both, within their range; others have none. */
static int check_parameters(void) {
  enum { kThree = 3 };
  tfp_cell two = *tfp_cell_get(0);
  two.parameters = 2;
  const size_t bytes = tfp_recurrent_options_bytes(&two);
  static const struct {
    float values[kThree];
    bool good;
  } cases[] = {{{0.5f, -3.0f, 0.0f}, true},  {{1e-30f, 0.0f, 0.0f}, true},
               {{0.0f, 1e30f, 0.0f}, false}, {{-INFINITY, 0.0f, 0.0f}, false},
               {{0.0f, NAN, 0.0f}, false},   {{0.0f, 0.0f, 1.0f}, false}};
  int failures = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    unsigned char data[kMostBytes];
    const layer made = {.units = 4, .depth = 4, .window = 1, .small = {1, 1}};
    write_options(data, &two, &made);
    for (size_t j = 0; j < kThree; ++j) {
      write_f32(data + TFP_AT_PARAMETERS + 4 * j, cases[i].values[j]);
    }
    tfp_recurrent_options options;
    char error[160];
    const bool read = tfp_recurrent_options_parse(&two, data, bytes, &options, error, 160);
    if (read != cases[i].good) failures += 1;
    for (size_t j = 0; read && j < kThree; ++j) {
      const float wanted = cases[i].values[j] == 1e-30f ? 0.0f : cases[i].values[j];
      if (options.parameters[j] != wanted) failures += 1;
    }
    if (tfp_recurrent_options_parse(tfp_cell_get(0), data, bytes, &options, error, 160)) {
      failures += 1;
    }
  }
  return failures;
}

int main(void) {
  static const float scales[] = {0x1p-10f, 0x1p-40f, 0x1p-20f};
  int failures = check_parameters();
  for (size_t c = 0; c < tfp_cell_count(); ++c) {
    failures += check_damaged_options(tfp_cell_get(c));
    for (int i = 0; i < 80; ++i) {
      /* Some are large enough for several threads. */
      layer made = random_layer(tfp_cell_get(c));
      if (i % 16 == 0) made.units += 150;
      const float scale = scales[next() % 3];
      /* Normalization does without the smallest scales. */
      if (scale < 0x1p-20f) made.flags &= ~(uint32_t)kLayerNorm;
      add_planes(tfp_cell_get(c), &made);
      failures += check_shape(tfp_cell_get(c), &made, 1 + next() % 3, 1 + next() % 9, scale);
    }
  }
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
