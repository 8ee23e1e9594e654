/* The custom_options of tfpipeline.embedding, version 1: see custom_ops/spec/embedding.md. */
#ifndef TFP_EMBEDDING_OPTIONS_H_
#define TFP_EMBEDDING_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFP_EMBEDDING_OPTIONS_VERSION 1
#define TFP_EMBEDDING_OPTIONS_BYTES 32

typedef struct tfp_embedding_options {
  uint32_t vocabulary;
  uint32_t width;
  uint32_t units; /* 0: no matrix follows */
  int table_bits;
  int product_bits; /* 0 where units is */
} tfp_embedding_options;

/* Reads and checks the bytes; on failure writes one sentence to `error` and returns false. */
bool tfp_embedding_options_parse(const void *data, size_t size, tfp_embedding_options *options,
                                 char *error, size_t error_size);

#endif
