/* The kinds of nodes, and which op is of which kind: a new op without a recurrent cell is a new row
 * here and a file with its kind. */
#ifndef TFP_NODE_KINDS_H_
#define TFP_NODE_KINDS_H_

#include "tfp_node.h"

/* ROW(name after "tfpipeline.", first four bytes of the options, kind). */
#define TFP_PLAIN_OPS(ROW)                                 \
  ROW(fully_connected, "TFPF", tfp_fully_connected_kind)   \
  ROW(factored_fully_connected, "TFPP", tfp_factored_kind) \
  ROW(embedding, "TFPE", tfp_embedding_kind)

#define TFP_DECLARE_KIND(name, magic, kind) extern const tfp_node_kind kind;
TFP_PLAIN_OPS(TFP_DECLARE_KIND)
#undef TFP_DECLARE_KIND

/* Every op with a cell: their rows are custom_ops/ops/recurrent/tfp_cells.c. */
extern const tfp_node_kind tfp_recurrent_kind;

/* FULLY_CONNECTED of any model, where the delegate's option asks for it. */
extern const tfp_node_kind tfp_builtin_fully_connected_kind;
/* Likewise UNIDIRECTIONAL_SEQUENCE_LSTM. */
extern const tfp_node_kind tfp_builtin_lstm_kind;

#endif
