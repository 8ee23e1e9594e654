/* A recurrent op of any cell on raw pointers: products, packing, and the walk through time. The
 * arithmetic is in custom_ops/spec. */
#ifndef TFP_RECURRENT_H_
#define TFP_RECURRENT_H_

#include "tfp_product.h"
#include "tfp_recurrent_options.h"

typedef struct tfp_recurrent_weights {
  tfp_matrix kernel[2];    /* first and last factor, or one plain matrix */
  tfp_matrix recurrent[2]; /* likewise */
  const float *bias;       /* [bias and unit rows][gates * units] */
  const float *gains;      /* [2][gates * units], of W x and of U h; not used without layer_norm */
  float x_scale;
  int32_t x_zero_point;
} tfp_recurrent_weights;

/* A prepared op. It owns no memory: all of it lies in the block given to tfp_recurrent_prepare. */
typedef struct tfp_recurrent {
  const tfp_variant *variant;
  const tfp_cell *cell;
  tfp_gates_fn gates; /* of the cell */
  tfp_recurrent_options options;
  void *memory;
  tfp_product input;
  tfp_product recurrent;
  tfp_gate_settings settings;
  size_t blocks;                 /* of 16 units */
  size_t together;               /* blocks of 16 units whose rows are whole panels */
  size_t at_once;                /* blocks of one gemm call within a step, a multiple of these */
  size_t parameter_step;         /* floats of a block in `parameters` */
  float *parameters;             /* [blocks][gates * (2 + bias and unit rows)][16] */
  float *row_multiplier;         /* [planes * gates * units], used while packing only */
  float *plane_multipliers[2];   /* [planes - 1][blocks][gates][16] of W x and of U h */
  int8_t *padded_x;              /* [steps at once][depth rounded up] */
  int32_t *acc_x;                /* [planes][steps at once][gates * width] */
  int32_t *acc_h;                /* [threads][at_once][gates * 16] of one plane after another, or
                                    [gates * width] with layer_norm */
  float *gains;                  /* [blocks][2 * gates][16] */
  float *of_step;                /* [threads][at_once] parameters of one step, with its layer
                                    normalization or its further planes in them */
  float *states[TFP_MAX_STATES]; /* [width] each: units rounded up to whole blocks */
  int8_t *q[2];                  /* [width, or what kernels read] each: h before and after a step */
} tfp_recurrent;

/* What one call works on. B sequences of T steps; y [B][T][units] or, without
 * return_sequences, [B][units]; `first` and `last` point to each state of the cell, [B][units]. */
typedef struct tfp_recurrent_io {
  size_t batch;
  size_t time;
  const int8_t *x;        /* [B][T + window - 1][input_dim] */
  const int32_t *lengths; /* [B], steps that count of each sequence; NULL: all */
  const float *const *first;
  int8_t *y;          /* may be NULL where nobody reads it */
  float *const *last; /* each may be NULL likewise, or the same as in `first` */
} tfp_recurrent_io;

/* Whether a kernel is a sum of planes. */
static inline bool tfp_recurrent_has_planes(const tfp_recurrent *op) {
  return op->options.planes_x > 1 || op->options.planes_h > 1;
}

/* How many threads share a step, of `threads`. */
size_t tfp_recurrent_threads(const tfp_recurrent *op, size_t threads);

/* Bytes that tfp_recurrent_prepare needs with these weights, aligned to TFP_ALIGNMENT. */
uint64_t tfp_recurrent_bytes(const tfp_variant *variant, const tfp_cell *cell,
                             const tfp_recurrent_options *options,
                             const tfp_recurrent_weights *weights);

/* Checks and packs the weights into `memory`. On failure writes one sentence and returns false.
 * The weights are not needed afterwards. */
bool tfp_recurrent_prepare(tfp_recurrent *op, const tfp_variant *variant, const tfp_cell *cell,
                           const tfp_recurrent_options *options,
                           const tfp_recurrent_weights *weights, void *memory, char *error,
                           size_t error_size);

/* Neither allocates nor fails. One op runs one call at a time. The bits do not depend on the number
 * of threads. */
void tfp_recurrent_run(const tfp_recurrent *op, const tfp_recurrent_io *io,
                       const tfp_parallel *parallel);

/* Whether weights and bias lie in the ranges of the spec; if not, writes one sentence. */
bool tfp_recurrent_check(const tfp_cell *cell, const tfp_recurrent_options *options,
                         const tfp_recurrent_weights *weights, char *error, size_t error_size);

#endif
