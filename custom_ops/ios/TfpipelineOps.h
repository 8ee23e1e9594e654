/* The one header of the static library for iOS: Swift imports it as the module TfpipelineOps, and
 * Objective-C includes it. Beside TensorFlowLiteC's headers include those first. */
#ifndef TFPIPELINE_OPS_UMBRELLA_H_
#define TFPIPELINE_OPS_UMBRELLA_H_

#include "tfpipeline_ops.h"
#include "tfpipeline_text.h"

#ifndef __cplusplus
typedef struct TfLiteDelegate TfLiteDelegate;
typedef struct TfLiteRegistration TfLiteRegistration;
#endif

#endif
