/* Reads a FULLY_CONNECTED node of any model. */
#ifndef TFP_BUILTIN_FULLY_CONNECTED_H_
#define TFP_BUILTIN_FULLY_CONNECTED_H_

#include "tfp_fully_connected_plan.h"

/* Fills a plan of zeros; on failure writes one sentence and returns false. */
bool tfp_read_builtin_fully_connected(TfLiteContext *context, const int *inputs, int input_count,
                                      const int *outputs, int output_count, const void *builtin,
                                      tfp_fully_connected_plan *plan, char *error,
                                      size_t error_size);

/* Whether a node is one that our kernels run; otherwise writes one sentence. */
bool tfp_runs_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                              const tfp_variant *variant, char *error, size_t error_size);

/* Whether it is one that the options ask for, too. */
bool tfp_accelerates_fully_connected(TfLiteContext *context, const TfLiteNode *node,
                                     const tfp_options *options, char *error, size_t error_size);

#endif
