/* The exported functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ops/recurrent/tfp_recurrent.h"
#include "tfp_claim.h"
#include "tfp_delegate.h"
#include "tfp_memory.h"
#include "tfp_op_table.h"
#include "tfp_registration.h"
#include "tfpipeline_ops.h"

#ifndef TFPIPELINE_VERSION
#define TFPIPELINE_VERSION "0.0.0"
#endif

enum { kMostOps = 64 }; /* each has a registration of its own */

int tfpipeline_abi_version(void) {
  return TFPIPELINE_ABI_VERSION;
}

const char *tfpipeline_version(void) {
  return TFPIPELINE_VERSION;
}

const char *tfpipeline_best_isa(void) {
  return tfp_find_variant("auto")->name;
}

TfLiteDelegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                              void (*report_error)(const char *)) {
  tfp_delegate *delegate = tfp_delegate_new((const char *const *)keys, (const char *const *)values,
                                            count, tfp_claim_nodes, report_error);
  return delegate != NULL ? &delegate->base : NULL;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate *base) {
  tfp_delegate_free(base);
}

static void report_to_stderr(const char *message) {
  fprintf(stderr, "%s\n", message);
}

TfLiteDelegate *tfpipeline_delegate_create(const char *const *keys, const char *const *values,
                                           size_t count) {
  tfp_delegate *delegate = tfp_delegate_new(keys, values, count, tfp_claim_nodes, report_to_stderr);
  return delegate != NULL ? &delegate->base : NULL;
}

void tfpipeline_delegate_destroy(TfLiteDelegate *base) {
  tfp_delegate_free(base);
}

size_t tfpipeline_op_count(void) {
  return tfp_op_count();
}

const char *tfpipeline_op_name(size_t i) {
  return i < tfp_op_count() ? tfp_op_get(i).name : NULL;
}

const char *tfpipeline_op_magic(size_t i) {
  return i < tfp_op_count() ? tfp_op_get(i).magic : NULL;
}

TfLiteRegistration *tfpipeline_register(const char *name) {
  static TfLiteRegistration registrations[kMostOps];
  for (size_t i = 0; name != NULL && i < tfp_op_count() && i < kMostOps; ++i) {
    const tfp_op op = tfp_op_get(i);
    if (strcmp(op.name, name) != 0) continue;
    registrations[i] = tfp_static_registration(&op);
    return &registrations[i];
  }
  return NULL;
}

/* The ops that had a function of their own before tfpipeline_register. */
#define REGISTER(op)                                   \
  TfLiteRegistration *tfpipeline_register_##op(void) { \
    return tfpipeline_register("tfpipeline." #op);     \
  }
REGISTER(gru)
REGISTER(lstm)
REGISTER(fully_connected)
REGISTER(factored_fully_connected)
#undef REGISTER

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
  void *memory = tfp_allocate(tfp_recurrent_bytes(variant, cell, &options, weights));
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
