#include "tfp_claim.h"

#include <stdio.h>
#include <stdlib.h>

#include "../kernels/common/tfp_assert.h"
#include "tfp_delegate.h"
#include "tfp_op_table.h"
#include "tfp_registration.h"

enum { kLastBuiltinCode = 1023 };

/* Whether the structs look as this plug-in expects them: a runtime with another layout would
 * show nonsense here, and must be refused before anything is touched. */
static bool layout_is_known(const TfLiteRegistration *registration) {
  const int32_t code = registration->builtin_code;
  if (code < 0 || code > kLastBuiltinCode) return false;
  if (code == kTfLiteBuiltinDelegate) return true; /* another delegate's, named or not */
  return (registration->custom_name != NULL) == (code == kTfLiteBuiltinCustom);
}

/* Adds the nodes of our ops in `plan` to `ours`; false when the layout is unknown. */
static bool find_nodes(TfLiteContext *context, const tfp_options *options,
                       const TfLiteIntArray *plan, TfLiteIntArray *ours) {
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode *node = NULL;
    TfLiteRegistration *registration = NULL;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &registration) !=
            kTfLiteOk ||
        node == NULL || registration == NULL || !layout_is_known(registration)) {
      return false;
    }
    tfp_op op;
    if (tfp_op_of_node(context, node, registration, options, &op)) {
      ours->data[ours->size++] = plan->data[i];
    }
  }
  return true;
}

TfLiteStatus tfp_claim_nodes(TfLiteContext *context, TfLiteDelegate *base) {
  const tfp_delegate *self = (const tfp_delegate *)(const void *)base;
  TFP_ASSERT(tfp_delegate_of(base) == self);
  TfLiteIntArray *plan = NULL;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk || plan == NULL || plan->size < 0) {
    return kTfLiteError;
  }
  /* One allocation: the list of our nodes, and after it a list of one for each call. The plan
   * itself belongs to the runtime and changes while nodes are replaced. */
  const size_t list = sizeof(TfLiteIntArray) + (size_t)plan->size * sizeof(int);
  TfLiteIntArray *ours = calloc(1, list + sizeof(TfLiteIntArray) + sizeof(int));
  if (ours == NULL) return kTfLiteError;
  TfLiteIntArray *single = (TfLiteIntArray *)(void *)((char *)ours + list);
  TfLiteStatus status = kTfLiteOk;
  if (!find_nodes(context, &self->options, plan, ours)) {
    context->ReportError(context,
                         "tfpipeline: this runtime lays out its nodes in a way that the plug-in "
                         "does not know: upgrade tfpipeline.");
    status = kTfLiteError;
  }
  single->size = 1;
  for (int i = 0; status == kTfLiteOk && i < ours->size; ++i) {
    TfLiteNode *node = NULL;
    TfLiteRegistration *registration = NULL;
    status = context->GetNodeAndRegistration(context, ours->data[i], &node, &registration);
    if (status != kTfLiteOk) break;
    tfp_op op;
    if (!tfp_op_of_node(context, node, registration, &self->options, &op)) continue;
    single->data[0] = ours->data[i];
    if (self->options.verbose) {
      fprintf(stderr, "tfpipeline: node %d: %s runs on %s, %d thread(s)\n", ours->data[i], op.name,
              self->options.variant->name, op.kind->threaded ? self->options.num_threads : 1);
    }
    status = context->ReplaceNodeSubsetsWithDelegateKernels(context, tfp_delegate_registration(&op),
                                                            single, base);
  }
  free(ours);
  return status;
}
