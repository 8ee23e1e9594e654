/* The cells of TFP_CELLS, one row each. */
#include <string.h>

#include "tfp_cell.h"

#define TFP_STATE_NAMES(cell, magic, products, gates, bias_rows, unit_rows, parameters, ...) \
  static const char *const cell##_states[] = {__VA_ARGS__};
TFP_CELLS(TFP_STATE_NAMES)

#define TFP_CELL_ROW(cell, op_magic, products, gate_count, bias_row_count, unit_row_count, \
                     parameter_count, ...)                                                 \
  {.name = "tfpipeline." #cell,                                                            \
   .magic = op_magic,                                                                      \
   .id = TFP_CELL_##cell,                                                                  \
   .recurrent = products == 2,                                                             \
   .gates = gate_count,                                                                    \
   .bias_rows = bias_row_count,                                                            \
   .unit_rows = unit_row_count,                                                            \
   .parameters = parameter_count,                                                          \
   .states = sizeof cell##_states / sizeof cell##_states[0],                               \
   .state_names = cell##_states},
const tfp_cell tfp_cells[TFP_CELL_COUNT] = {TFP_CELLS(TFP_CELL_ROW)};

size_t tfp_cell_count(void) {
  return TFP_CELL_COUNT;
}

const tfp_cell *tfp_cell_get(size_t index) {
  return index < TFP_CELL_COUNT ? &tfp_cells[index] : NULL;
}

const tfp_cell *tfp_find_cell(const char *name) {
  for (size_t i = 0; i < TFP_CELL_COUNT; ++i) {
    if (strcmp(name, tfp_cells[i].name) == 0) return &tfp_cells[i];
  }
  return NULL;
}
