/* The one list of recurrent cells in C. A new cell is a row here, its gates in gates/<cell>.inc,
 * and a line at the end that includes them.
 *
 * X(name, magic, gates, bias rows, parameters, states...)
 *   name        op "tfpipeline.<name>"
 *   magic       the first four bytes of the op's options
 *   gates       kernels have gates * units rows
 *   bias rows   1, or 2: that of the recurrent product apart
 *   parameters  float32 numbers of the cell in its options, 0 to 3
 *   states      names of the float32 vectors from step to step, h first
 */
#ifndef TFP_CELLS_H_
#define TFP_CELLS_H_

#define TFP_CELLS(X)                 \
  X(gru, "TFPG", 3, 2, 0, "h")       \
  X(lstm, "TFPL", 4, 1, 0, "h", "c") \
  X(simple_rnn, "TFPS", 1, 1, 0, "h")

enum { TFP_MAX_STATES = 2, TFP_MAX_GATES = 4, TFP_CELL_PARAMETERS = 3 };

#define TFP_CELL_ID(name, ...) TFP_CELL_##name,
typedef enum tfp_cell_id { TFP_CELLS(TFP_CELL_ID) TFP_CELL_COUNT } tfp_cell_id;
#undef TFP_CELL_ID

#endif

/* The gates themselves, over one instruction set: gates/tfp_gates.inc. */
#ifdef TFP_INCLUDE_GATES
#include "gates/gru.inc"
#include "gates/lstm.inc"
#include "gates/simple_rnn.inc"
#endif
