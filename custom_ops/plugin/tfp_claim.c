#include "tfp_claim.h"

#include <stdio.h>
#include <stdlib.h>

#include "../kernels/common/tfp_assert.h"
#include "chain/tfp_chain.h"
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

static void say_who_runs(TfLiteContext *context, const TfLiteNode *node,
                         const TfLiteRegistration *registration, const tfp_options *options,
                         int index) {
  char why[TFP_ERROR_BYTES];
  const char *name = tfp_op_left_alone(context, node, registration, options, why, sizeof why);
  if (name == NULL) return;
  fprintf(stderr, "tfpipeline: node %d: %s is left to the runtime: %s\n", index, name, why);
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
    } else if (options->verbose) {
      say_who_runs(context, node, registration, options, plan->data[i]);
    }
  }
  return true;
}

static bool is_planned(TfLiteContext *context, int index) {
  TfLiteIntArray *plan = NULL;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk || plan == NULL) return false;
  for (int i = 0; i < plan->size; ++i) {
    if (plan->data[i] == index) return true;
  }
  return false;
}

/* Replaces a node, unless a chain that began before it has it already. */
static TfLiteStatus claim(TfLiteContext *context, tfp_delegate *self, int index,
                          TfLiteIntArray *chain) {
  if (!is_planned(context, index)) return kTfLiteOk;
  TfLiteNode *node = NULL;
  TfLiteRegistration *registration = NULL;
  TfLiteStatus status = context->GetNodeAndRegistration(context, index, &node, &registration);
  tfp_op op;
  if (status != kTfLiteOk || !tfp_op_of_node(context, node, registration, &self->options, &op)) {
    return status;
  }
  status = tfp_find_chain(context, &self->options, index, chain);
  if (status != kTfLiteOk) return status;
  if (self->options.verbose) {
    fprintf(stderr, "tfpipeline: node %d: %s runs on %s, %d thread(s), with %d node(s) around it\n",
            index, op.name, self->options.variant->name,
            op.kind->threaded ? self->options.num_threads : 1, chain->size - 1);
  }
  return context->ReplaceNodeSubsetsWithDelegateKernels(context, tfp_delegate_registration(&op),
                                                        chain, &self->base);
}

TfLiteStatus tfp_claim_nodes(TfLiteContext *context, TfLiteDelegate *base) {
  tfp_delegate *self = (tfp_delegate *)(void *)base;
  TFP_ASSERT(tfp_delegate_of(base) == self);
  TfLiteIntArray *plan = NULL;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk || plan == NULL || plan->size < 0) {
    return kTfLiteError;
  }
  /* One allocation: the list of our nodes, and after it that of a chain. The plan itself belongs
   * to the runtime and changes while nodes are replaced. */
  const size_t list = sizeof(TfLiteIntArray) + (size_t)plan->size * sizeof(int);
  TfLiteIntArray *ours = calloc(1, list + sizeof(TfLiteIntArray) + TFP_MAX_CHAIN * sizeof(int));
  if (ours == NULL) return kTfLiteError;
  TfLiteIntArray *chain = (TfLiteIntArray *)(void *)((char *)ours + list);
  TfLiteStatus status = kTfLiteOk;
  if (!find_nodes(context, &self->options, plan, ours)) {
    context->ReportError(context,
                         "tfpipeline: this runtime lays out its nodes in a way that the plug-in "
                         "does not know: upgrade tfpipeline.");
    status = kTfLiteError;
  }
  for (int i = 0; status == kTfLiteOk && i < ours->size; ++i) {
    status = claim(context, self, ours->data[i], chain);
  }
  free(ours);
  return status;
}
