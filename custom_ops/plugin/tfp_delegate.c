#include "tfp_delegate.h"

#include <stdlib.h>

#include "../kernels/common/tfp_assert.h"

tfp_delegate *tfp_delegate_new(const char *const *keys, const char *const *values, size_t count,
                               TfLiteStatus (*claim_nodes)(TfLiteContext *, TfLiteDelegate *),
                               void (*report_error)(const char *)) {
  TFP_ASSERT(claim_nodes != NULL);
  char error[TFP_ERROR_BYTES];
  tfp_options options;
  if (!tfp_options_parse(keys, values, count, &options, error, sizeof error)) {
    if (report_error != NULL) report_error(error);
    return NULL;
  }
  tfp_delegate *self = calloc(1, sizeof *self);
  if (self == NULL) {
    if (report_error != NULL) report_error("tfpipeline: out of memory");
    return NULL;
  }
  self->options = options;
  self->pool = tfp_pool_new((size_t)options.num_threads);
  self->base.data_ = self;
  self->base.Prepare = claim_nodes;
  /* Without this flag runtimes prepare all nodes first, and stop at the ops they do not know. */
  self->base.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  return self;
}

void tfp_delegate_free(TfLiteDelegate *base) {
  if (base == NULL) return;
  tfp_pool_free(((tfp_delegate *)(void *)base)->pool);
  free(base);
}

const tfp_delegate *tfp_delegate_of(const TfLiteDelegate *base) {
  return base != NULL && base->data_ == base ? (const tfp_delegate *)(const void *)base : NULL;
}
