/* The custom_options of tfpipeline.gru, version 1: see custom_ops/spec/gru.md. */
#ifndef TFP_GRU_OPTIONS_H_
#define TFP_GRU_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFP_GRU_OPTIONS_VERSION 1
#define TFP_GRU_OPTIONS_BYTES 64
#define TFP_GRU_MAX_UNITS 16384
#define TFP_GRU_MAX_DEPTH 65536

typedef struct tfp_gru_options {
  uint32_t units;
  uint32_t input_dim;
  uint32_t rank_x; /* 0 = plain kernel */
  uint32_t rank_h; /* 0 = plain recurrent kernel */
  float scale_a_x;
  float scale_a_h;
  float scale_h;
  bool return_sequences;
  bool go_backwards;
} tfp_gru_options;

/* Reads and checks the bytes; on failure writes one sentence to `error` and returns false. */
bool tfp_gru_options_parse(const void *data, size_t size, tfp_gru_options *options, char *error,
                           size_t error_size);

#endif
