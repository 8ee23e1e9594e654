/* The custom_options of tfpipeline.embedding, version 1: see custom_ops/spec/embedding.md. */
#ifndef TFP_EMBEDDING_OPTIONS_H_
#define TFP_EMBEDDING_OPTIONS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFP_EMBEDDING_OPTIONS_VERSION 1
#define TFP_EMBEDDING_OPTIONS_BYTES 32

/* What one vector is put out for: each id, or all ids along the last dimension. */
typedef enum tfp_mean {
  TFP_MEAN_NONE,
  TFP_MEAN_PLAIN,
  TFP_MEAN_MASKED,        /* ids of 0 do not count; the mean of none is 0 */
  TFP_MEAN_MASKED_OR_NAN, /* likewise, but the mean of none is no number */
  TFP_MEANS
} tfp_mean;

typedef struct tfp_embedding_options {
  uint32_t vocabulary;
  uint32_t width;
  uint32_t units; /* 0: no matrix follows */
  int table_bits;
  int product_bits; /* 0 where units is */
  tfp_mean mean;
} tfp_embedding_options;

/* Reads and checks the bytes; on failure writes one sentence to `error` and returns false. */
bool tfp_embedding_options_parse(const void *data, size_t size, tfp_embedding_options *options,
                                 char *error, size_t error_size);

#endif
