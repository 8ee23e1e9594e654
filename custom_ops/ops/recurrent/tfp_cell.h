/* What a recurrent cell is to the rest of the op: a new cell is one small file with a tfp_cell,
 * its gate kernels, and a line in tfp_cells.c. */
#ifndef TFP_CELL_H_
#define TFP_CELL_H_

#include "../../kernels/tfp_kernels.h"

enum { TFP_MAX_STATES = 2, TFP_MAX_GATES = 4 };

/* One step of 16 * blocks units. `acc_x` and `acc_h` hold int32[gates][16] for each block,
 * `parameters` float[gates * (2 + bias_rows)][16]: multipliers of x, bias, multipliers of h, and
 * the recurrent bias where there is one. `states` are updated in place, and `q` gets the int8 copy
 * of the first one. */
typedef void (*tfp_cell_step_fn)(const tfp_variant *variant, const int32_t *acc_x,
                                 const int32_t *acc_h, const float *parameters, size_t blocks,
                                 const tfp_gate_settings *settings, float *const *states,
                                 int8_t *q);

typedef struct tfp_cell {
  const char *name;  /* of the op, "tfpipeline.gru" */
  const char *magic; /* the first four bytes of its options */
  size_t gates;      /* kernels have gates * units rows */
  size_t bias_rows;  /* 1, or 2: that of the recurrent product apart */
  size_t states;     /* float32 vectors from step to step; the first one is h */
  const char *const *state_names;
  tfp_cell_step_fn step;
} tfp_cell;

extern const tfp_cell tfp_cell_gru;
extern const tfp_cell tfp_cell_lstm;

/* The one list of cells: its length, and cell `i`. */
size_t tfp_cell_count(void);
const tfp_cell *tfp_cell_get(size_t i);

/* The cell of the op called `name`, or NULL. */
const tfp_cell *tfp_find_cell(const char *name);

#endif
