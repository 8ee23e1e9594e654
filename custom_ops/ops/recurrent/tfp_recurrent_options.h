/* The custom_options of every recurrent op, version 1, which differ in their magic only: see
 * custom_ops/spec/gru.md. */
#ifndef TFP_RECURRENT_OPTIONS_H_
#define TFP_RECURRENT_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfp_cell.h"
#include "tfp_gate_functions.h"

/* Where each field begins; the table in custom_ops/spec/gru.md has their types. */
enum {
  TFP_AT_MAGIC = 0,
  TFP_AT_VERSION = 4,
  TFP_AT_SIZE = 6,
  TFP_AT_FLAGS = 8,
  TFP_AT_UNITS = 12,
  TFP_AT_INPUT_DIM = 16,
  TFP_AT_RANK_X = 20,
  TFP_AT_RANK_H = 24,
  TFP_AT_SCALE_A_X = 28,
  TFP_AT_SCALE_A_H = 32,
  TFP_AT_SCALE_H = 36,
  TFP_AT_RECURRENT_ACTIVATION = 40,
  TFP_AT_ACTIVATION = 41,
  TFP_AT_STEPS_AT_ONCE = 42,
  TFP_AT_WEIGHT_BITS = 43,
  TFP_AT_WINDOW = 47,
  TFP_AT_EPSILON = 48,
  TFP_AT_PARAMETERS = 52,
};

/* Bits of the flags; the others are reserved. */
enum {
  TFP_FLAG_RETURN_SEQUENCES = 1 << 0,
  TFP_FLAG_GO_BACKWARDS = 1 << 1,
  TFP_FLAG_LAYER_NORM = 1 << 3,
};

#define TFP_RECURRENT_OPTIONS_VERSION 1
#define TFP_RECURRENT_MAX_UNITS 16384
#define TFP_RECURRENT_MAX_DEPTH 65536
#define TFP_RECURRENT_MAX_WINDOW 64

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
  int recurrent_activation; /* tfp_gate_functions.h has the numbers */
  int activation;
  uint32_t window;        /* steps of x that a row of the kernel reads */
  uint32_t steps_at_once; /* steps of x that share a pass over their kernel */
  int weight_bits[4];     /* of W1, W2, U1, U2: 8, 4 or 2 */
  uint32_t planes_x;      /* of which W1 is the sum; 1 but for a plain kernel of 2 bits */
  uint32_t planes_h;      /* of which U1 is the sum, likewise */
  bool layer_norm;
  float epsilon;                         /* added to variances; not used without layer_norm */
  float parameters[TFP_CELL_PARAMETERS]; /* of the cell; 0 where it has fewer */
} tfp_recurrent_options;

/* Numbers of x that a row of the kernel reads. */
static inline uint32_t tfp_recurrent_depth(const tfp_recurrent_options *options) {
  return options->window * options->input_dim;
}

/* How many there are: 64, and 4 for each parameter beyond three. */
size_t tfp_recurrent_options_bytes(const tfp_cell *cell);

/* Reads and checks the bytes of an op of `cell`; on failure writes one sentence to `error` and
 * returns false. */
bool tfp_recurrent_options_parse(const tfp_cell *cell, const void *data, size_t size,
                                 tfp_recurrent_options *options, char *error, size_t error_size);

#endif
