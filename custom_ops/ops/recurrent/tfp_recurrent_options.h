/* The custom_options of every recurrent op, version 1, which differ in their magic only: see
 * custom_ops/spec/gru.md. */
#ifndef TFP_RECURRENT_OPTIONS_H_
#define TFP_RECURRENT_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfp_cell.h"

#define TFP_RECURRENT_OPTIONS_VERSION 1
#define TFP_RECURRENT_OPTIONS_BYTES 64
#define TFP_RECURRENT_MAX_UNITS 16384
#define TFP_RECURRENT_MAX_DEPTH 65536

typedef struct tfp_recurrent_options {
  uint32_t units;
  uint32_t input_dim;
  uint32_t rank_x; /* 0 = plain kernel */
  uint32_t rank_h; /* 0 = plain recurrent kernel */
  float scale_a_x;
  float scale_a_h;
  float scale_h;
  bool return_sequences;
  bool go_backwards;
  int recurrent_activation; /* tfp_gate_settings has the numbers */
  int activation;
  uint32_t steps_at_once; /* steps of x that share a pass over their kernel */
  int weight_bits[4];     /* of W1, W2, U1, U2: 8, 4 or 2 */
  bool layer_norm;
  float epsilon; /* added to variances; not used without layer_norm */
} tfp_recurrent_options;

/* Reads and checks the bytes of an op of `cell`; on failure writes one sentence to `error` and
 * returns false. */
bool tfp_recurrent_options_parse(const tfp_cell *cell, const void *data, size_t size,
                                 tfp_recurrent_options *options, char *error, size_t error_size);

#endif
