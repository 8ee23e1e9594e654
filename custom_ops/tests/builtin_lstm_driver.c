/* A program around the builtin LSTM, for checks that need the whole process: heap allocations and
 * sanitizers, and for processors other than this one. Compiled by tests/native/test_driver.py with
 * all sources.
 *
 * For many layers of every form, with a guard page at either end of each buffer: all kernels return
 * the bits of the portable ones, a sequence those of its single steps, and a run takes no heap
 * memory. The bits of all layers together are known. Prints "ok" and returns 0
 * when all holds. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#include <stdio.h>
#include <string.h>

#include "../ops/builtin_lstm/tfp_builtin_lstm.h"
#include "../plugin/tfp_memory.h"
#include "driver.h"
#include "guarded.h"

enum { kLayers = 60, kArrays = 32 };

/* FNV-1a over the results of the portable kernels, on x86-64. */
static const uint64_t known = 0xa201fba3ecaa7aa0u;

/* The arrays of one layer. */
typedef struct arrays {
  guarded all[kArrays];
  size_t count;
  bool at_end;
} arrays;

static void *array(arrays *of, size_t bytes) {
  of->all[of->count] = guarded_new(bytes, of->at_end);
  return of->all[of->count++].data;
}

/* Never -128, which not all kernels take. */
static const int8_t *random_levels(arrays *of, size_t count) {
  int8_t *levels = array(of, count);
  for (size_t i = 0; i < count; ++i) levels[i] = (int8_t)((int32_t)(next() % 255) - 127);
  return levels;
}

static const int16_t *random_words(arrays *of, size_t count) {
  int16_t *words = array(of, count * sizeof *words);
  for (size_t i = 0; i < count; ++i) words[i] = (int16_t)((int32_t)(next() % 65536) - 32768);
  return words;
}

static const int32_t *random_biases(arrays *of, size_t count) {
  int32_t *biases = array(of, count * sizeof *biases);
  for (size_t i = 0; i < count; ++i) biases[i] = (int32_t)(next() % 20000) - 10000;
  return biases;
}

/* 2^-shift to twice as much. */
static tfp_fixed_scale random_scale(int shift) {
  return (tfp_fixed_scale){.multiplier = (int32_t)(next() % (1u << 24)) * 64 + (1 << 30),
                           .right = shift};
}

static tfp_lstm_layer random_layer(arrays *of) {
  const bool coupled = next() % 3 == 0, peephole = next() % 3 == 0, norm = next() % 3 == 0;
  tfp_lstm_layer layer = {.input_dim = 1 + next() % 50, .cells = 1 + next() % 50};
  layer.outputs = layer.cells;
  if (next() % 3 == 0) {
    layer.outputs = 1 + next() % (peephole ? layer.cells : 50);
    layer.projection = random_levels(of, layer.outputs * layer.cells);
    layer.projection_bias = next() % 2 == 0 ? random_biases(of, layer.outputs) : NULL;
    layer.projection_scale = random_scale(9);
    layer.h_clip = (int8_t)(next() % 2 == 0 ? next() % 128 : 0);
  }
  layer.x_zero_point = (int32_t)(next() % 256) - 128;
  layer.h_zero_point = (int32_t)(next() % 256) - 128;
  layer.hidden_zero_point = (int32_t)(next() % 256) - 128;
  layer.hidden_scale = random_scale(24);
  layer.cell_bits = (int)(next() % 7);
  layer.cell_clip = (int16_t)(next() % 3 == 0 ? next() % 32768 : 0);
  for (size_t i = coupled ? TFP_LSTM_FORGET : TFP_LSTM_INPUT; i < TFP_LSTM_GATES; ++i) {
    tfp_lstm_gate *gate = &layer.gates[i];
    gate->kernel = random_levels(of, layer.cells * layer.input_dim);
    gate->recurrent = random_levels(of, layer.cells * layer.outputs);
    gate->kernel_scale = random_scale((int)(next() % 4));
    gate->recurrent_scale = random_scale((int)(next() % 4));
    if (peephole && i != TFP_LSTM_CANDIDATE) {
      gate->peephole = random_words(of, layer.cells);
      gate->peephole_scale = random_scale(15);
    }
    const int32_t *bias = random_biases(of, layer.cells);
    if (norm) {
      gate->norm = (tfp_lstm_norm){random_words(of, layer.cells), bias, random_scale(2), 1};
    } else {
      gate->bias = bias;
    }
  }
  return layer;
}

/* Inputs and results of one run. */
typedef struct batch_of {
  size_t batch, time;
  bool time_major;
  const int8_t *x;
  int8_t *h, *y;
  int16_t *cell;
} batch_of;

/* Runs from states of 1; `steps` time steps a call. */
static int run(const tfp_variant *variant, const tfp_lstm_layer *layer, const batch_of *b,
               size_t steps) {
  void *memory = tfp_allocate(tfp_builtin_lstm_bytes(variant, layer, b->batch));
  if (memory == NULL) exit(3);
  tfp_builtin_lstm op;
  tfp_builtin_lstm_prepare(&op, variant, layer, b->batch, memory);
  memset(b->h, 1, b->batch * layer->outputs);
  memset(b->cell, 1, b->batch * layer->cells * sizeof *b->cell);
  const unsigned long before = allocations;
  for (size_t t = 0; t < b->time; t += steps) {
    const size_t rows = t * (b->time_major ? b->batch : 1);
    const tfp_builtin_lstm_io io = {.batch = b->batch,
                                    .time = steps,
                                    .time_major = b->time_major,
                                    .x = b->x + rows * layer->input_dim,
                                    .h = b->h,
                                    .cell = b->cell,
                                    .y = b->y + rows * layer->outputs};
    tfp_builtin_lstm_run(&op, &io);
  }
  tfp_release(memory);
  if (allocations != before) printf("%s: a run allocated\n", variant->name);
  return allocations != before;
}

static uint64_t digest_of(const batch_of *b, const tfp_lstm_layer *layer) {
  uint64_t digest = 0xcbf29ce484222325u;
  const size_t outputs = b->batch * layer->outputs;
  for (size_t i = 0; i < b->time * outputs; ++i)
    digest = (digest ^ (uint8_t)b->y[i]) * 1099511628211u;
  for (size_t i = 0; i < outputs; ++i) digest = (digest ^ (uint8_t)b->h[i]) * 1099511628211u;
  for (size_t i = 0; i < b->batch * layer->cells; ++i) {
    digest = (digest ^ (uint16_t)b->cell[i]) * 1099511628211u;
  }
  return digest;
}

static int check_layer(uint64_t *all) {
  arrays of = {.at_end = next() % 2 == 0};
  const tfp_lstm_layer layer = random_layer(&of);
  batch_of b = {.batch = 1 + next() % 10, .time = 1 + next() % 12, .time_major = next() % 2 == 0};
  b.x = random_levels(&of, b.batch * b.time * layer.input_dim);
  b.h = array(&of, b.batch * layer.outputs);
  b.y = array(&of, b.batch * b.time * layer.outputs);
  b.cell = array(&of, b.batch * layer.cells * sizeof(int16_t));
  int failures = run(tfp_get_variant(0), &layer, &b, b.time);
  const uint64_t expected = digest_of(&b, &layer);
  *all = (*all ^ expected) * 1099511628211u;
  for (size_t v = 0; v < tfp_variant_count(); ++v) {
    const tfp_variant *variant = tfp_get_variant(v);
    if (!variant->supported()) continue;
    failures += run(variant, &layer, &b, b.time);
    bool same = digest_of(&b, &layer) == expected;
    if (b.time_major || b.batch == 1) {
      failures += run(variant, &layer, &b, 1);
      same = same && digest_of(&b, &layer) == expected;
    }
    if (same) continue;
    failures += 1;
    printf("%s: other bits at %lu inputs, %lu cells, batch %lu\n", variant->name,
           (unsigned long)layer.input_dim, (unsigned long)layer.cells, (unsigned long)b.batch);
  }
  for (size_t i = 0; i < of.count; ++i) guarded_free(of.all[i]);
  return failures;
}

int main(void) {
  int failures = 0;
  uint64_t all = 0;
  for (int i = 0; i < kLayers; ++i) failures += check_layer(&all);
  if (all != known) {
    printf("all layers: 0x%llx\n", (unsigned long long)all);
    failures += 1;
  }
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
