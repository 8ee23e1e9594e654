/* tfpipeline.lstm: gates i, f, c, o; see custom_ops/spec/lstm.md. */
#include "tfp_cell.h"

static void step(const tfp_variant *variant, const int32_t *acc_x, const int32_t *acc_h,
                 const float *parameters, size_t blocks, const tfp_gate_settings *settings,
                 float *const *states, int8_t *q) {
  variant->lstm_gates(acc_x, acc_h, parameters, blocks, settings, states[0], states[1], q);
}

static const char *const state_names[] = {"h", "c"};

const tfp_cell tfp_cell_lstm = {.name = "tfpipeline.lstm",
                                .magic = "TFPL",
                                .gates = 4,
                                .bias_rows = 1,
                                .states = 2,
                                .state_names = state_names,
                                .step = step};
