/* tfpipeline.gru: gates z, r, n; see custom_ops/spec/gru.md. */
#include "tfp_cell.h"

static void step(const tfp_variant *variant, const int32_t *acc_x, const int32_t *acc_h,
                 const float *parameters, size_t blocks, const tfp_gate_settings *settings,
                 float *const *states, int8_t *q) {
  variant->gru_gates(acc_x, acc_h, parameters, blocks, settings, states[0], q);
}

static const char *const state_names[] = {"h"};

const tfp_cell tfp_cell_gru = {.name = "tfpipeline.gru",
                               .magic = "TFPG",
                               .gates = 3,
                               .bias_rows = 2,
                               .states = 1,
                               .state_names = state_names,
                               .step = step};
