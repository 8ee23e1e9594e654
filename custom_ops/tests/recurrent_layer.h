/* A recurrent layer at random, and the bytes of its options: for recurrent_driver.c. */
#ifndef RECURRENT_LAYER_H_
#define RECURRENT_LAYER_H_

#include <string.h>

#include "../ops/recurrent/tfp_recurrent.h"
#include "driver.h"

static void write_u32(unsigned char *at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = (unsigned char)(value >> 8 * i);
}

enum { kReturnSequences = 1, kGoBackwards = 2, kLayerNorm = 8 };
/* Of the options of any cell. */
enum { kMostBytes = TFP_AT_PARAMETERS + TFP_CELL_PARAMETERS * sizeof(float) };

/* One layer at random: its sizes and everything else that its options say. */
typedef struct layer {
  uint32_t units, depth, rank_x, rank_h, flags, window;
  unsigned char small[7]; /* bytes 40 to 46: functions, steps at once, widths of weights */
  uint32_t parameters[TFP_CELL_PARAMETERS]; /* of the cell, the bits of floats */
} layer;

static layer random_layer(const tfp_cell *cell) {
  static const unsigned char widths[] = {0, 8, 4, 2};
  layer made = {.units = 1 + next() % 70,
                .depth = 1 + next() % 50,
                .rank_x = next() % 3 * (next() % 20),
                .rank_h = next() % 3 * (next() % 20),
                .flags = next() % 4 + (next() % 3 == 0 ? kLayerNorm : 0)};
  made.small[0] = (unsigned char)(1 + next() % TFP_GATE_FUNCTION_COUNT);
  made.small[1] = (unsigned char)(1 + next() % TFP_GATE_FUNCTION_COUNT);
  made.small[2] = (unsigned char)(next() % (TFP_MAX_BATCH + 1));
  for (int i = 3; i < 7; ++i) made.small[i] = widths[next() % 4];
  made.window = 1;
  if (!cell->recurrent) {
    made.rank_h = 0;
    if ((made.flags & kGoBackwards) == 0) made.window += next() % 4;
  }
  /* Of any magnitude, from far below the floor to the limit. */
  for (int i = 0; i < TFP_CELL_PARAMETERS; ++i) {
    made.parameters[i] = (next() & 0x807fffffu) | (127 - 70 + next() % 110) << 23;
  }
  return made;
}

static inline size_t planes_of(unsigned char width) {
  return 1 + (width >> 4);
}

/* Makes sums of planes of the kernels that may be such. */
static inline void add_planes(const tfp_cell *cell, layer *of) {
  if ((of->flags & kLayerNorm) != 0) return;
  const unsigned char x = (unsigned char)(next() % TFP_MAX_PLANES << 4);
  const unsigned char h = (unsigned char)(next() % TFP_MAX_PLANES << 4);
  if (of->rank_x == 0 && of->small[3] == 2) of->small[3] |= x;
  if (of->rank_h == 0 && of->small[5] == 2 && cell->recurrent) of->small[5] |= h;
}

static void write_options(unsigned char *data, const tfp_cell *cell, const layer *of) {
  const uint32_t words[] = {of->flags,  of->units,   of->depth,   of->rank_x,
                            of->rank_h, 0x3d800000u, 0x3d000000u, 0x3c010204u};
  memset(data, 0, kMostBytes);
  memcpy(data, cell->magic, 4);
  write_u32(data + 4, 1 | (uint32_t)tfp_recurrent_options_bytes(cell) << 16);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) write_u32(data + 8 + 4 * i, words[i]);
  memcpy(data + 40, of->small, sizeof of->small);
  data[TFP_AT_WINDOW] = (unsigned char)of->window;
  if ((of->flags & kLayerNorm) != 0) write_u32(data + 48, 0x3a83126fu);
  for (size_t i = 0; i < cell->parameters; ++i) write_u32(data + 52 + 4 * i, of->parameters[i]);
}

#endif
