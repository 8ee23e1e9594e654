/* The one list of cells. */
#include <string.h>

#include "tfp_cell.h"

static const tfp_cell *const cells[] = {&tfp_cell_gru, &tfp_cell_lstm};

size_t tfp_cell_count(void) {
  return sizeof cells / sizeof cells[0];
}

const tfp_cell *tfp_cell_get(size_t i) {
  return cells[i];
}

const tfp_cell *tfp_find_cell(const char *name) {
  for (size_t i = 0; i < sizeof cells / sizeof cells[0]; ++i) {
    if (strcmp(name, cells[i]->name) == 0) return cells[i];
  }
  return NULL;
}
