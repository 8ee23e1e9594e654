/* The exported functions that are not the delegate's own. */
#include <stdlib.h>

#include "../ops/recurrent/tfp_recurrent.h"
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

TfLiteRegistration *tfpipeline_register_factored_fully_connected(void) {
  static TfLiteRegistration registration;
  registration = tfp_static_registration(&tfp_op_factored_fully_connected);
  return &registration;
}

TfLiteRegistration *tfpipeline_register_lstm(void) {
  static TfLiteRegistration registration;
  registration = tfp_static_registration(&tfp_op_lstm);
  return &registration;
}

const tfp_variant *tfpipeline_kernel_variant(size_t index) {
  return tfp_get_variant(index);
}

void *tfpipeline_recurrent_create(const char *name, const char *isa, const void *options_data,
                                  size_t options_size, const void *weights, char *error,
                                  size_t error_size) {
  tfp_recurrent_options options;
  const tfp_cell *cell = tfp_find_cell(name);
  const tfp_variant *variant = tfp_find_variant(isa);
  if (cell == NULL || variant == NULL ||
      !tfp_recurrent_options_parse(cell, options_data, options_size, &options, error, error_size)) {
    return NULL;
  }
  tfp_recurrent *op = malloc(sizeof *op);
  void *memory = tfp_allocate(tfp_recurrent_bytes(variant, cell, &options));
  if (op == NULL || memory == NULL ||
      !tfp_recurrent_prepare(op, variant, cell, &options, weights, memory, error, error_size)) {
    free(op);
    tfp_release(memory);
    return NULL;
  }
  return op;
}

void tfpipeline_recurrent_run(void *op, const void *io, const void *parallel) {
  const tfp_parallel alone = {.threads = 1};
  tfp_recurrent_run(op, io, parallel != NULL ? parallel : &alone);
}

void tfpipeline_recurrent_destroy(void *pointer) {
  tfp_recurrent *op = pointer;
  if (op == NULL) return;
  tfp_release(op->memory);
  free(op);
}
