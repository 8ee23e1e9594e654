/* The op tfpipeline.gru on raw pointers; the arithmetic is custom_ops/spec/gru.md. */
#ifndef TFP_GRU_H_
#define TFP_GRU_H_

#include "tfp_gru_options.h"
#include "tfp_product.h"

typedef struct tfp_gru_weights {
  tfp_matrix kernel[2];    /* first and last factor, or one plain matrix */
  tfp_matrix recurrent[2]; /* likewise */
  const float *bias;       /* [2][3 * units] */
  float x_scale;
  int32_t x_zero_point;
} tfp_gru_weights;

/* A prepared op. It owns no memory: all of it lies in the block given to tfp_gru_prepare. */
typedef struct tfp_gru {
  const tfp_variant *variant;
  tfp_gru_options options;
  tfp_product input;
  tfp_product recurrent;
  float inverse_scale;
  float *parameters;     /* [unit blocks][TFP_GRU_PARAMETERS] */
  float *row_multiplier; /* [3 * units], used while packing only */
  int8_t *padded_x;      /* [TFP_STEP_CHUNK][depth rounded up] */
  int32_t *acc_x;        /* [TFP_STEP_CHUNK][3 * width] */
  int32_t *acc_h;        /* [unit blocks at a time][3 * 16] */
  float *h;              /* [width]: units rounded up to whole blocks */
  int8_t *q[2];          /* [width] each: the state before and after a step */
} tfp_gru;

/* Bytes that tfp_gru_prepare needs, aligned to TFP_ALIGNMENT. */
uint64_t tfp_gru_bytes(const tfp_variant *variant, const tfp_gru_options *options);

/* Checks and packs the weights into `memory`. On failure writes one sentence and returns false.
 * The weights are not needed afterwards. */
bool tfp_gru_prepare(tfp_gru *gru, const tfp_variant *variant, const tfp_gru_options *options,
                     const tfp_gru_weights *weights, void *memory, char *error, size_t error_size);

/* Runs `batch` sequences of `time` steps: x [batch][time][input_dim], h0 and h_last
 * [batch][units], y [batch][time][units] or, without return_sequences, [batch][units].
 * h_last may be h0; y and h_last may be NULL where nobody reads them. Neither allocates nor fails.
 */
void tfp_gru_run(const tfp_gru *gru, size_t batch, size_t time, const int8_t *x, const float *h0,
                 int8_t *y, float *h_last);

#endif
