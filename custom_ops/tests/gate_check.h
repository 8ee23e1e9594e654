/* The gate kernels of every cell against the portable ones; a new cell is a new row here. */
#ifndef TFP_TESTS_GATE_CHECK_H_
#define TFP_TESTS_GATE_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum { kGateStates = 2, kGateBlocks = 5 };

typedef struct gate_buffers {
  tfp_gate_settings settings;
  const int32_t *acc_x, *acc_h;
  const float *parameters;
  float *states[kGateStates];
  int8_t *q;
} gate_buffers;

typedef struct gate_kernel {
  const char *name;
  size_t gates, bias_rows, states;
  void (*run)(const tfp_variant *variant, size_t blocks, const gate_buffers *on);
} gate_kernel;

static void run_gru_gates(const tfp_variant *variant, size_t blocks, const gate_buffers *on) {
  variant->gru_gates(on->acc_x, on->acc_h, on->parameters, blocks, &on->settings, on->states[0],
                     on->q);
}

static void run_lstm_gates(const tfp_variant *variant, size_t blocks, const gate_buffers *on) {
  variant->lstm_gates(on->acc_x, on->acc_h, on->parameters, blocks, &on->settings, on->states[0],
                      on->states[1], on->q);
}

static const gate_kernel gate_kernels[] = {{"gru_gates", 3, 2, 1, run_gru_gates},
                                           {"lstm_gates", 4, 1, 2, run_lstm_gates}};

static void test_gates(const gate_kernel *kernel, const tfp_variant *variant, const tfp_variant *c,
                       bool at_end) {
  for (size_t blocks = 1; blocks <= kGateBlocks; ++blocks) {
    const size_t units = blocks * TFP_ROW_BLOCK, rows = kernel->gates * units;
    const size_t slots = rows * (2 + kernel->bias_rows), state_bytes = units * sizeof(float);
    const guarded acc_x = guarded_new(rows * sizeof(int32_t), at_end);
    const guarded acc_h = guarded_new(rows * sizeof(int32_t), at_end);
    const guarded parameters = guarded_new(slots * sizeof(float), at_end);
    const guarded q = guarded_new(units, at_end);
    guarded states[kGateStates];
    /* Smooth functions and piecewise-linear ones in turn. */
    const int function = 1 + (int)(blocks % 2);
    const tfp_gate_settings settings = {100.0f, function, function};
    static float wanted[kGateStates][kGateBlocks * TFP_ROW_BLOCK];
    static int8_t wanted_q[kGateBlocks * TFP_ROW_BLOCK];
    for (size_t i = 0; i < rows; ++i) {
      ((int32_t *)acc_x.data)[i] = (int32_t)(random_bits() % 120000) - 60000;
      ((int32_t *)acc_h.data)[i] = (int32_t)(random_bits() % 120000) - 60000;
    }
    /* From far below to far beyond where the gates saturate. */
    for (size_t i = 0; i < slots; ++i) {
      const bool bias = i / (kernel->gates * TFP_ROW_BLOCK) % (2 + kernel->bias_rows) % 2 == 1;
      const float value = bias ? random_float((uint32_t)-8, 1) : random_float((uint32_t)-30, 0);
      ((float *)parameters.data)[i] = bias || value > 0 ? value : -value;
    }
    gate_buffers got = {settings, acc_x.data, acc_h.data, parameters.data, {NULL}, q.data};
    gate_buffers reference = {settings, acc_x.data, acc_h.data, parameters.data, {NULL}, wanted_q};
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
    kernel->run(variant, blocks, &got);
    kernel->run(c, blocks, &reference);
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
