/* What a runtime calls for a node of one of our ops: init, prepare, invoke and free of all of them
 * are these. */
#ifndef TFP_REGISTRATION_H_
#define TFP_REGISTRATION_H_

#include "tfp_node.h"

/* Of nodes that a delegate claimed: init gets TfLiteDelegateParams. */
TfLiteRegistration tfp_delegate_registration(const tfp_op *op);

/* For an op resolver. Init learns nothing of its op but the options, whose first four bytes name
 * it. */
TfLiteRegistration tfp_static_registration(const tfp_op *op);

#endif
