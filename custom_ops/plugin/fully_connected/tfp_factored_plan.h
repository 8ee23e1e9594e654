/* What a node of tfpipeline.factored_fully_connected says. */
#ifndef TFP_FACTORED_PLAN_H_
#define TFP_FACTORED_PLAN_H_

#include "../../ops/fully_connected/tfp_factored.h"
#include "tfp_fully_connected_plan.h"

typedef struct tfp_factored_plan {
  tfp_fully_connected_plan first; /* of which only shape and weights matter */
  tfp_fully_connected_plan last;  /* with the batch, the bias and the output minimum and maximum */
} tfp_factored_plan;

/* Fills a plan of zeros; on failure writes one sentence and returns false. */
bool tfp_read_factored(TfLiteContext *context, const tfp_node *node, tfp_factored_plan *plan,
                       char *error, size_t error_size);

#endif
