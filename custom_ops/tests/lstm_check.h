/* The elementwise kernels of the builtin LSTM against the portable ones. */
#ifndef TFP_TESTS_LSTM_CHECK_H_
#define TFP_TESTS_LSTM_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum { kLstmUnits = 5 * TFP_ROW_BLOCK };

/* Numbers at random, with the ends of their range and powers of two, whose products are halves. */
static void fill_words(int16_t *out, size_t count, int32_t least) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits = random_bits();
    const int32_t power = 1 << bits / 8 % 15;
    const int32_t any = (int32_t)(bits / 256 % (uint32_t)(32768 - least)) + least;
    const int32_t kinds[] = {least, INT16_MAX, least < 0 ? -power : power, any};
    out[i] = (int16_t)kinds[bits % 4];
  }
}

static tfp_fixed_scale random_scale(int most_left) {
  const int shift = (int)(random_bits() % (uint32_t)(32 + most_left)) - 31;
  return (tfp_fixed_scale){.multiplier = (int32_t)(random_bits() / 4 | 1u << 30),
                           .left = shift > 0 ? shift : 0,
                           .right = shift > 0 ? 0 : -shift};
}

/* Inputs of one call, and its results in memory with guard pages and in plain arrays. */
typedef struct lstm_buffers {
  guarded sums, a, b, c, got, got_h;
  int16_t wanted[kLstmUnits];
  int8_t wanted_h[kLstmUnits];
} lstm_buffers;

static void start(lstm_buffers *m, size_t count, int32_t least) {
  for (size_t i = 0; i < count; ++i) {
    const int32_t bits = (int32_t)random_bits();
    ((int32_t *)m->sums.data)[i] = bits >> random_bits() % 31;
  }
  fill_words(m->a.data, count, 0);
  fill_words(m->b.data, count, least);
  fill_words(m->c.data, count, 0);
  fill_words(m->got.data, count, least);
  memcpy(m->wanted, m->got.data, count * sizeof *m->wanted);
}

static void same_words(const lstm_buffers *m, size_t count, const char *name, const char *what) {
  expect(memcmp(m->got.data, m->wanted, count * sizeof *m->wanted) == 0, name, what, count, 0, 0);
}

static void test_lstm_of(const tfp_lstm_s16_kernels *k, const tfp_lstm_s16_kernels *c,
                         const char *name, lstm_buffers *m, size_t count) {
  start(m, count, INT16_MIN);
  tfp_fixed_scale scale = random_scale(12);
  k->add_sums(m->sums.data, count, scale, m->b.data, m->got.data);
  c->add_sums(m->sums.data, count, scale, m->b.data, m->wanted);
  same_words(m, count, name, "add_sums");
  k->add_sums(m->sums.data, count, scale, NULL, m->got.data);
  c->add_sums(m->sums.data, count, scale, NULL, m->wanted);
  same_words(m, count, name, "add_sums alone");
  start(m, count, INT16_MIN);
  k->add_peephole(m->a.data, m->b.data, count, scale, m->got.data);
  c->add_peephole(m->a.data, m->b.data, count, scale, m->wanted);
  same_words(m, count, name, "add_peephole");
  start(m, count, INT16_MIN);
  int64_t found[2], expected[2];
  k->measure(m->b.data, count, &found[0], &found[1]);
  c->measure(m->b.data, count, &expected[0], &expected[1]);
  expect(memcmp(found, expected, sizeof found) == 0, name, "measure", count, 0, 0);
  const tfp_lstm_s16_norm norm = {.weights = m->b.data,
                                  .bias = m->sums.data,
                                  .mean = (int32_t)(random_bits() % (1 << 26)) - (1 << 25),
                                  .inverse = random_scale(0),
                                  .scale = random_scale(12)};
  k->normalize(&norm, count, m->got.data);
  c->normalize(&norm, count, m->wanted);
  same_words(m, count, name, "normalize");
  start(m, count, -INT16_MAX);
  const int shift = 15 + (int)(random_bits() % 7);
  const int16_t clip = (int16_t)(random_bits() % 3 == 0 ? random_bits() % 32768 : 0);
  const tfp_lstm_s16_gates gates = {count % 32 == 0 ? NULL : m->c.data, m->a.data, m->b.data};
  k->update_cell(&gates, count, shift, clip, m->got.data);
  c->update_cell(&gates, count, shift, clip, m->wanted);
  same_words(m, count, name, "update_cell");
  scale = random_scale(0);
  const int32_t zero_point = (int32_t)(random_bits() % 257) - 128;
  k->hidden_state(m->a.data, m->b.data, count, scale, zero_point, m->got_h.data);
  c->hidden_state(m->a.data, m->b.data, count, scale, zero_point, m->wanted_h);
  expect(memcmp(m->got_h.data, m->wanted_h, count) == 0, name, "hidden_state", count, 0, 0);
}

/* All numbers there are. */
static void test_lstm_functions(const tfp_lstm_s16_kernels *k, const tfp_lstm_s16_kernels *c,
                                const char *name, bool at_end) {
  enum { kAll = 1 << 16 };
  static int16_t wanted[kAll];
  const guarded x = guarded_new(sizeof wanted, at_end), y = guarded_new(sizeof wanted, at_end);
  int16_t *words = x.data;
  for (int bits = 0; bits <= 6; ++bits) {
    for (int i = 0; i < kAll; ++i) words[i] = (int16_t)(i + INT16_MIN);
    k->tanh(words, kAll, bits, y.data);
    c->tanh(words, kAll, bits, wanted);
    expect(memcmp(y.data, wanted, sizeof wanted) == 0, name, "tanh of int16", (size_t)bits, 0, 0);
  }
  memcpy(wanted, words, sizeof wanted);
  k->sigmoid(words, kAll);
  c->sigmoid(wanted, kAll);
  expect(memcmp(words, wanted, sizeof wanted) == 0, name, "sigmoid of int16", 0, 0, 0);
  guarded_free(x);
  guarded_free(y);
}

static void test_lstm(const tfp_variant *variant, const tfp_variant *portable, bool at_end) {
  const tfp_lstm_s16_kernels *k = variant->lstm_s16, *c = portable->lstm_s16;
  test_lstm_functions(k, c, variant->name, at_end);
  for (size_t turn = 0; turn < 400; ++turn) {
    const size_t count = TFP_ROW_BLOCK * (1 + turn % 5), bytes = count * sizeof(int16_t);
    lstm_buffers m = {.sums = guarded_new(count * sizeof(int32_t), at_end),
                      .a = guarded_new(bytes, at_end),
                      .b = guarded_new(bytes, at_end),
                      .c = guarded_new(bytes, at_end),
                      .got = guarded_new(bytes, at_end),
                      .got_h = guarded_new(count, at_end)};
    test_lstm_of(k, c, variant->name, &m, count);
    const guarded all[] = {m.sums, m.a, m.b, m.c, m.got, m.got_h};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) guarded_free(all[i]);
  }
}

#endif
