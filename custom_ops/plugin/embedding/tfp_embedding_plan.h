/* What a node of tfpipeline.embedding says. */
#ifndef TFP_EMBEDDING_PLAN_H_
#define TFP_EMBEDDING_PLAN_H_

#include "../../ops/embedding/tfp_embedding.h"
#include "../fully_connected/tfp_fully_connected_plan.h"

typedef struct tfp_embedding_plan {
  tfp_embedding_shape shape;
  tfp_embedding_weights weights;
  size_t count; /* of ids */
} tfp_embedding_plan;

/* Fills a plan of zeros; on failure writes one sentence and returns false. */
bool tfp_read_embedding(TfLiteContext *context, const tfp_node *node, tfp_embedding_plan *plan,
                        char *error, size_t error_size);

#endif
