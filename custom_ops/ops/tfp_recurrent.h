/* A recurrent op of any cell on raw pointers: products, packing, and the walk through time. The
 * arithmetic is in custom_ops/spec. */
#ifndef TFP_RECURRENT_H_
#define TFP_RECURRENT_H_

#include "tfp_product.h"
#include "tfp_recurrent_options.h"

typedef struct tfp_recurrent_weights {
  tfp_matrix kernel[2];    /* first and last factor, or one plain matrix */
  tfp_matrix recurrent[2]; /* likewise */
  const float *bias;       /* [bias rows][gates * units] */
  float x_scale;
  int32_t x_zero_point;
} tfp_recurrent_weights;

/* A prepared op. It owns no memory: all of it lies in the block given to tfp_recurrent_prepare. */
typedef struct tfp_recurrent {
  const tfp_variant *variant;
  const tfp_cell *cell;
  tfp_recurrent_options options;
  tfp_product input;
  tfp_product recurrent;
  float inverse_scale;
  float *parameters;             /* [unit blocks][gates * (2 + bias rows)][16] */
  float *row_multiplier;         /* [gates * units], used while packing only */
  int8_t *padded_x;              /* [TFP_STEP_CHUNK][depth rounded up] */
  int32_t *acc_x;                /* [TFP_STEP_CHUNK][gates * width] */
  int32_t *acc_h;                /* [unit blocks at a time][gates * 16] */
  float *states[TFP_MAX_STATES]; /* [width] each: units rounded up to whole blocks */
  int8_t *q[2];                  /* [width] each: h before and after a step */
} tfp_recurrent;

/* Bytes that tfp_recurrent_prepare needs, aligned to TFP_ALIGNMENT. */
uint64_t tfp_recurrent_bytes(const tfp_variant *variant, const tfp_cell *cell,
                             const tfp_recurrent_options *options);

/* Checks and packs the weights into `memory`. On failure writes one sentence and returns false.
 * The weights are not needed afterwards. */
bool tfp_recurrent_prepare(tfp_recurrent *op, const tfp_variant *variant, const tfp_cell *cell,
                           const tfp_recurrent_options *options,
                           const tfp_recurrent_weights *weights, void *memory, char *error,
                           size_t error_size);

/* Runs `batch` sequences of `time` steps: x [batch][time][input_dim], y [batch][time][units] or,
 * without return_sequences, [batch][units]; `first` and `last` point to each state of the cell,
 * [batch][units]. A state of `last` may be the same as in `first`; `y` and states of `last` may be
 * NULL where nobody reads them. Neither allocates nor fails. */
void tfp_recurrent_run(const tfp_recurrent *op, size_t batch, size_t time, const int8_t *x,
                       const float *const *first, int8_t *y, float *const *last);

#endif
