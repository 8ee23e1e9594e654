/* The exported functions that are not the delegate's own. */
#include <stdlib.h>

#include "../ops/tfp_gru.h"
#include "tfp_memory.h"
#include "tfp_node.h"
#include "tfpipeline_ops.h"

#ifndef TFPIPELINE_VERSION
#define TFPIPELINE_VERSION "0.0.0"
#endif

int tfpipeline_abi_version(void) {
  return TFPIPELINE_ABI_VERSION;
}

const char *tfpipeline_version(void) {
  return TFPIPELINE_VERSION;
}

const char *tfpipeline_best_isa(void) {
  return tfp_find_variant("auto")->name;
}

TfLiteRegistration *tfpipeline_register_gru(void) {
  static TfLiteRegistration registration;
  registration = tfp_static_registration(&tfp_op_gru);
  return &registration;
}

TfLiteRegistration *tfpipeline_register_fully_connected(void) {
  static TfLiteRegistration registration;
  registration = tfp_static_registration(&tfp_op_fully_connected);
  return &registration;
}

const tfp_variant *tfpipeline_kernel_variant(size_t index) {
  return tfp_get_variant(index);
}

void *tfpipeline_gru_create(const char *isa, const void *options_data, size_t options_size,
                            const void *weights, char *error, size_t error_size) {
  tfp_gru_options options;
  const tfp_variant *variant = tfp_find_variant(isa);
  if (variant == NULL ||
      !tfp_gru_options_parse(options_data, options_size, &options, error, error_size)) {
    return NULL;
  }
  tfp_gru *gru = malloc(sizeof *gru);
  void *memory = tfp_allocate(tfp_gru_bytes(variant, &options));
  if (gru == NULL || memory == NULL ||
      !tfp_gru_prepare(gru, variant, &options, weights, memory, error, error_size)) {
    free(gru);
    tfp_release(memory);
    return NULL;
  }
  return gru;
}

void tfpipeline_gru_run(void *gru, size_t batch, size_t time, const signed char *x, const float *h0,
                        signed char *y, float *h_last) {
  tfp_gru_run(gru, batch, time, x, h0, y, h_last);
}

void tfpipeline_gru_destroy(void *gru) {
  if (gru == NULL) return;
  /* The first thing in the op's memory is the packed recurrent kernel. */
  tfp_gru *op = gru;
  tfp_release(op->recurrent.last);
  free(op);
}
