/* A delegate's Prepare: claims the nodes of our ops, one at a time, and, where the option
 * accelerate_builtin asks for it, the builtin ones that our kernels run. */
#ifndef TFP_CLAIM_H_
#define TFP_CLAIM_H_

#include "tfp_tflite_abi.h"

/* `base` is that of a tfp_delegate. */
TfLiteStatus tfp_claim_nodes(TfLiteContext *context, TfLiteDelegate *base);

#endif
