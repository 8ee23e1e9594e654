/* The one list of recurrent cells in C. A new cell is a row here, its gates in gates/<cell>.inc,
 * and a line at the end that includes them.
 *
 * X(name, magic, products, gates, bias rows, unit rows, parameters, states...)
 *   name        op "tfpipeline.<name>"
 *   magic       the first four bytes of the op's options
 *   products    2, or 1: of x alone, whose kernel then may read a window of several steps
 *   gates       kernels have gates * units rows
 *   bias rows   1, or 2: that of the recurrent product apart
 *   unit rows   float32 numbers of the cell for each unit, rows of the bias tensor below the
 * biases; in cells of one gate parameters  float32 numbers of the cell in its options, 0 to 5
 *   states      names of the float32 vectors from step to step, h first
 */
#ifndef TFP_CELLS_H_
#define TFP_CELLS_H_

#define TFP_CELLS(X)                        \
  X(gru, "TFPG", 2, 3, 2, 0, 0, "h")        \
  X(lstm, "TFPL", 2, 4, 1, 0, 0, "h", "c")  \
  X(simple_rnn, "TFPS", 2, 1, 1, 0, 0, "h") \
  X(fast_rnn, "TFPA", 2, 1, 1, 1, 5, "h")   \
  X(fast_grnn, "TFPZ", 2, 1, 1, 1, 5, "h")  \
  X(ugrnn, "TFPU", 2, 2, 1, 0, 0, "h")      \
  X(qrnn, "TFPQ", 1, 2, 1, 0, 0, "h")       \
  X(qrnn_fo, "TFPO", 1, 3, 1, 0, 0, "h", "c")

enum { TFP_MAX_STATES = 2, TFP_MAX_GATES = 4, TFP_CELL_PARAMETERS = 5 };

#define TFP_CELL_ID(name, ...) TFP_CELL_##name,
typedef enum tfp_cell_id { TFP_CELLS(TFP_CELL_ID) TFP_CELL_COUNT } tfp_cell_id;
#undef TFP_CELL_ID

#endif

/* The gates themselves, over one instruction set: gates/tfp_gates.inc. */
#ifdef TFP_INCLUDE_GATES
#include "gates/fast_grnn.inc"
#include "gates/fast_rnn.inc"
#include "gates/gru.inc"
#include "gates/lstm.inc"
#include "gates/qrnn.inc"
#include "gates/simple_rnn.inc"
#include "gates/ugrnn.inc"
#endif
