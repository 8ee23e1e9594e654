/* What a fully connected node says whose vectors are uint8. */
#ifndef TFP_FULLY_CONNECTED_U8_PLAN_H_
#define TFP_FULLY_CONNECTED_U8_PLAN_H_

#include "tfp_fully_connected_plan.h"

/* Fills plan->u8, where all else of the plan is filled; on failure writes one sentence and returns
 * false. */
bool tfp_read_fully_connected_u8(const tfp_fully_connected_tensors *t,
                                 tfp_fully_connected_plan *plan, char *error, size_t error_size);

#endif
