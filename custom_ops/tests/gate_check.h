/* The gate kernels of every cell against the portable ones; TFP_CELLS lists them. */
#ifndef TFP_TESTS_GATE_CHECK_H_
#define TFP_TESTS_GATE_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum { kGateBlocks = 5 };

/* A row of TFP_CELLS. */
typedef struct gate_kernel {
  const char *name;
  size_t gates, bias_rows, unit_rows, states;
} gate_kernel;

#define TFP_GATE_KERNEL(cell, magic, products, gates, bias_rows, unit_rows, parameters, ...) \
  {#cell, gates, bias_rows, unit_rows, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)},
static const gate_kernel gate_kernels[] = {TFP_CELLS(TFP_GATE_KERNEL)};

static void test_gates(const gate_kernel *kernel, const tfp_variant *variant, const tfp_variant *c,
                       bool at_end) {
  for (size_t blocks = 1; blocks <= kGateBlocks; ++blocks) {
    const size_t units = blocks * TFP_ROW_BLOCK, rows = kernel->gates * units;
    const size_t products = 2 + kernel->bias_rows, slots = rows * (products + kernel->unit_rows);
    const size_t state_bytes = units * sizeof(float);
    const guarded acc_x = guarded_new(rows * sizeof(int32_t), at_end);
    const guarded acc_h = guarded_new(rows * sizeof(int32_t), at_end);
    const guarded parameters = guarded_new(slots * sizeof(float), at_end);
    const guarded q = guarded_new(units, at_end);
    guarded states[TFP_MAX_STATES];
    /* Smooth functions and piecewise-linear ones in turn. */
    static const tfp_gate_function functions[] = {{.kind = TFP_SIGMOID},
                                                  {.kind = TFP_TANH},
                                                  {TFP_PIECEWISE_LINEAR, 0.25f, 0.5f, -1.0f, 1.0f}};
    const tfp_gate_settings settings = {100.0f,
                                        functions[blocks % 3],
                                        functions[(blocks + 1) % 3],
                                        {0.75f, 0.125f, 0.5f, -3.0f, 8.0f}};
    static float wanted[TFP_MAX_STATES][kGateBlocks * TFP_ROW_BLOCK];
    static int8_t wanted_q[kGateBlocks * TFP_ROW_BLOCK];
    for (size_t i = 0; i < rows; ++i) {
      ((int32_t *)acc_x.data)[i] = (int32_t)(random_bits() % 120000) - 60000;
      ((int32_t *)acc_h.data)[i] = (int32_t)(random_bits() % 120000) - 60000;
    }
    /* From far below to far beyond where the gates saturate. */
    for (size_t i = 0; i < slots; ++i) {
      const size_t row = i / (kernel->gates * TFP_ROW_BLOCK) % (products + kernel->unit_rows);
      const bool bias = row % 2 == 1 || row >= products;
      const float value = bias ? random_float((uint32_t)-8, 1) : random_float((uint32_t)-30, 0);
      ((float *)parameters.data)[i] = bias || value > 0 ? value : -value;
    }
    tfp_gate_args got = {acc_x.data, acc_h.data, parameters.data, blocks,
                         &settings,  {NULL},     q.data};
    tfp_gate_args reference = got;
    reference.q = wanted_q;
    for (size_t s = 0; s < kernel->states; ++s) {
      states[s] = guarded_new(state_bytes, at_end);
      got.states[s] = states[s].data;
      reference.states[s] = wanted[s];
      /* The last state reaches beyond the limit of those that may grow. */
      const uint32_t high = s == 0 ? 6 : 17;
      for (size_t i = 0; i < units; ++i) {
        wanted[s][i] = got.states[s][i] = random_float((uint32_t)-59, high);
      }
    }
    const size_t cell = (size_t)(kernel - gate_kernels);
    variant->gates[cell](&got);
    c->gates[cell](&reference);
    bool same = memcmp(got.q, wanted_q, units) == 0;
    for (size_t s = 0; s < kernel->states; ++s) {
      same = same && memcmp(got.states[s], wanted[s], state_bytes) == 0;
      guarded_free(states[s]);
    }
    expect(same, variant->name, kernel->name, blocks, 0, 0);
    guarded_free(acc_x);
    guarded_free(acc_h);
    guarded_free(parameters);
    guarded_free(q);
  }
}

#endif
