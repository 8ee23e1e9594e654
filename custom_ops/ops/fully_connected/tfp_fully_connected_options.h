/* The custom_options of tfpipeline.fully_connected, version 1: see
 * custom_ops/spec/fully_connected.md. */
#ifndef TFP_FULLY_CONNECTED_OPTIONS_H_
#define TFP_FULLY_CONNECTED_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFP_FULLY_CONNECTED_OPTIONS_VERSION 1
#define TFP_FULLY_CONNECTED_OPTIONS_BYTES 32

/* The numbers are those of TensorFlow Lite's fused activations. */
typedef enum tfp_activation { kTfpNone = 0, kTfpRelu = 1, kTfpRelu6 = 3 } tfp_activation;

typedef struct tfp_fully_connected_options {
  uint32_t rows;
  uint32_t depth;
  int weight_bits;
  tfp_activation activation;
} tfp_fully_connected_options;

/* Reads and checks the bytes; on failure writes one sentence to `error` and returns false. */
bool tfp_fully_connected_options_parse(const void *data, size_t size,
                                       tfp_fully_connected_options *options, char *error,
                                       size_t error_size);

#endif
