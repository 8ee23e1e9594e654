/* What a delegate of this plug-in carries. It knows nothing of nodes: who creates one says how it
 * claims them. */
#ifndef TFP_DELEGATE_H_
#define TFP_DELEGATE_H_

#include "tfp_options.h"
#include "tfp_pool.h"
#include "tfp_tflite_abi.h"

typedef struct tfp_delegate {
  TfLiteDelegate base; /* first, so that both have one address; its data_ is this struct too */
  tfp_options options;
  tfp_pool *pool; /* NULL with one thread */
} tfp_delegate;

/* A delegate with these options, whose Prepare is `claim_nodes`; or NULL after `report_error`, if
 * there is one, got one sentence. */
tfp_delegate *tfp_delegate_new(const char *const *keys, const char *const *values, size_t count,
                               TfLiteStatus (*claim_nodes)(TfLiteContext *, TfLiteDelegate *),
                               void (*report_error)(const char *));
void tfp_delegate_free(TfLiteDelegate *base);

/* The delegate behind a runtime's pointer, or NULL where it is not one of ours. */
const tfp_delegate *tfp_delegate_of(const TfLiteDelegate *base);

#endif
