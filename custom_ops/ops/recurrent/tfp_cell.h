/* What a recurrent cell is to the rest of the op: a row of TFP_CELLS. */
#ifndef TFP_CELL_H_
#define TFP_CELL_H_

#include <stdbool.h>

#include "../../kernels/tfp_kernels.h"

typedef struct tfp_cell {
  const char *name;  /* of the op, "tfpipeline.gru" */
  const char *magic; /* the first four bytes of its options */
  tfp_cell_id id;    /* of its gates in a variant */
  bool recurrent;    /* whether the state is multiplied by a kernel */
  size_t gates;      /* kernels have gates * units rows */
  size_t bias_rows;  /* 1, or 2: that of the recurrent product apart */
  size_t unit_rows;  /* of numbers of the units, below these in the bias tensor */
  size_t parameters; /* numbers of its own in the options */
  size_t states;     /* float32 vectors from step to step; the first one is h */
  const char *const *state_names;
} tfp_cell;

/* Rows of the bias tensor. */
static inline size_t tfp_cell_stored_rows(const tfp_cell *cell) {
  return cell->bias_rows + cell->unit_rows;
}

/* All cells, by their id. */
extern const tfp_cell tfp_cells[TFP_CELL_COUNT];

size_t tfp_cell_count(void);
/* The cell at `index`, or NULL past the last one. */
const tfp_cell *tfp_cell_get(size_t index);
/* The cell of the op called `name`, or NULL. */
const tfp_cell *tfp_find_cell(const char *name);

#endif
