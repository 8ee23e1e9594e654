/* TensorFlow Lite's UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell, bit for
 * bit: custom_ops/spec/builtin_lstm.md. */
#ifndef TFP_BUILTIN_LSTM_H_
#define TFP_BUILTIN_LSTM_H_

#include "../common/tfp_packed.h"

/* Those of a sigmoid come first, side by side in memory. */
enum { TFP_LSTM_INPUT, TFP_LSTM_FORGET, TFP_LSTM_OUTPUT, TFP_LSTM_CANDIDATE, TFP_LSTM_GATES };

/* A layer normalization: units with 10 fractional bits times `weights`, plus `bias`. */
typedef struct tfp_lstm_norm {
  const int16_t *weights; /* [cells], or NULL: none */
  const int32_t *bias;
  tfp_fixed_scale scale; /* of the weights, times 2^12 */
  int32_t least_variance;
} tfp_lstm_norm;

typedef struct tfp_lstm_gate {
  const int8_t *kernel;    /* [cells][input_dim]; NULL: there is no such gate */
  const int8_t *recurrent; /* [cells][outputs] */
  const int32_t *bias;     /* [cells]; NULL with a normalization, which has its own */
  const int16_t *peephole; /* [outputs], or NULL */
  tfp_fixed_scale kernel_scale, recurrent_scale, peephole_scale;
  tfp_lstm_norm norm;
} tfp_lstm_gate;

/* What the file says of a layer; the arrays belong to it. */
typedef struct tfp_lstm_layer {
  size_t input_dim, cells, outputs;
  tfp_lstm_gate gates[TFP_LSTM_GATES];
  const int8_t *projection; /* [outputs][cells]; NULL: outputs == cells */
  const int32_t *projection_bias;
  tfp_fixed_scale projection_scale;
  int32_t x_zero_point, h_zero_point;
  /* Of what the projection multiplies; without one, scale of h and its zero point. */
  tfp_fixed_scale hidden_scale;
  int32_t hidden_zero_point;
  int cell_bits;     /* of the cell before the point, 0 to 6 */
  int16_t cell_clip; /* 0: none */
  int8_t h_clip;     /* likewise, of a projection */
} tfp_lstm_layer;

/* A layer whose weights are packed. */
typedef struct tfp_builtin_lstm {
  const tfp_variant *variant;
  tfp_lstm_layer layer;
  size_t gates;               /* 3 or 4 */
  size_t width;               /* cells, in whole blocks */
  size_t rows;                /* of all gates, each of `width` */
  size_t most_at_once;        /* sequences that walk side by side, to TFP_MAX_BATCH */
  tfp_packed x, h, projected; /* the last one only with a projection */
  size_t x_stride, h_stride, hidden_stride;
  int8_t *padded_x;      /* [TFP_MAX_BATCH][x_stride] */
  int8_t *h_in;          /* [at once][h_stride] */
  int8_t *hidden;        /* [at once][hidden_stride]: what the projection multiplies */
  int32_t *sums;         /* [TFP_MAX_BATCH][rows], or of the projection */
  int16_t *of_x;         /* [at once][TFP_MAX_BATCH][rows]: of the steps to come */
  int16_t *of_gates;     /* [rows], and once more `width` for the tangent of the cell */
  int16_t *cell;         /* [at once][width] */
  int16_t *norm_weights; /* [TFP_LSTM_GATES][width] */
  int32_t *norm_biases;  /* likewise */
  int16_t *peephole; /* [at once][TFP_LSTM_GATES][width] of the sequences of a time-major batch */
} tfp_builtin_lstm;

/* x [batch][time][input_dim] to y [batch][time][outputs], or with batch and time exchanged. The
 * states are carried on in place: h [batch][outputs], cell [batch][cells]. */
typedef struct tfp_builtin_lstm_io {
  size_t batch, time;
  bool time_major;
  const int8_t *x;
  int8_t *h;
  int16_t *cell;
  int8_t *y; /* or NULL */
} tfp_builtin_lstm_io;

/* Bytes of memory that prepare needs for `batch` sequences. */
uint64_t tfp_builtin_lstm_bytes(const tfp_variant *variant, const tfp_lstm_layer *layer,
                                size_t batch);

/* Packs the weights of a layer that was checked into `memory`. Peepholes are not copied: their
 * arrays must outlive the op. */
void tfp_builtin_lstm_prepare(tfp_builtin_lstm *op, const tfp_variant *variant,
                              const tfp_lstm_layer *layer, size_t batch, void *memory);

void tfp_builtin_lstm_run(const tfp_builtin_lstm *op, const tfp_builtin_lstm_io *io);

/* Normalizes the numbers of gate `gate`, which has a normalization. */
void tfp_lstm_normalize(const tfp_builtin_lstm *op, size_t gate, int16_t *values);

#endif
