/* The custom_options of tfpipeline.factored_fully_connected, version 1: see
 * custom_ops/spec/factored_fully_connected.md. */
#ifndef TFP_FACTORED_OPTIONS_H_
#define TFP_FACTORED_OPTIONS_H_

#include "tfp_fully_connected_options.h"

#define TFP_FACTORED_OPTIONS_VERSION 1
#define TFP_FACTORED_OPTIONS_BYTES 40

typedef struct tfp_factored_options {
  uint32_t rows;
  uint32_t depth;
  uint32_t rank;
  int first_bits; /* of a weight */
  int last_bits;
  tfp_activation activation;
  float inner_scale; /* of the int8 vector between the factors; 0 where vectors are float32 */
  int inner_zero_point;
} tfp_factored_options;

/* Reads and checks the bytes; on failure writes one sentence to `error` and returns false. */
bool tfp_factored_options_parse(const void *data, size_t size, tfp_factored_options *options,
                                char *error, size_t error_size);

#endif
