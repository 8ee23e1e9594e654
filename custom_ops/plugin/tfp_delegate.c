/* A delegate that claims the nodes of our ops, one at a time, and, where the option
 * accelerate_builtin asks for it, the FULLY_CONNECTED nodes that our kernels run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tfp_node.h"
#include "tfpipeline_ops.h"

enum { kLastBuiltinCode = 1023 };

typedef struct delegate {
  TfLiteDelegate base; /* first, so that both have one address */
  tfp_options options;
  tfp_pool *pool; /* NULL with one thread */
} delegate;

static TfLiteStatus claim_nodes(TfLiteContext *context, TfLiteDelegate *base);

const tfp_options *tfp_delegate_options(const TfLiteDelegate *base) {
  if (base == NULL || base->Prepare != claim_nodes) return NULL;
  return &((const delegate *)(const void *)base)->options;
}

tfp_parallel tfp_delegate_parallel(const TfLiteDelegate *base) {
  return tfp_pool_parallel(((const delegate *)(const void *)base)->pool);
}

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
    if (tfp_find_op(context, node, registration, options) != NULL) {
      ours->data[ours->size++] = plan->data[i];
    }
  }
  return true;
}

static TfLiteStatus claim_nodes(TfLiteContext *context, TfLiteDelegate *base) {
  const delegate *self = (const delegate *)(const void *)base;
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
    const tfp_op *op = tfp_find_op(context, node, registration, &self->options);
    if (op == NULL) continue;
    single->data[0] = ours->data[i];
    if (self->options.verbose) {
      fprintf(stderr, "tfpipeline: node %d: %s runs on %s, %d thread(s)\n", ours->data[i], op->name,
              self->options.variant->name, op->threaded ? self->options.num_threads : 1);
    }
    status = context->ReplaceNodeSubsetsWithDelegateKernels(context, tfp_delegate_registration(op),
                                                            single, base);
  }
  free(ours);
  return status;
}

static TfLiteDelegate *create(const char *const *keys, const char *const *values, size_t count,
                              void (*report_error)(const char *)) {
  char error[TFP_ERROR_BYTES];
  tfp_options options;
  if (!tfp_options_parse(keys, values, count, &options, error, sizeof error)) {
    if (report_error != NULL) report_error(error);
    return NULL;
  }
  delegate *self = calloc(1, sizeof *self);
  if (self == NULL) {
    if (report_error != NULL) report_error("tfpipeline: out of memory");
    return NULL;
  }
  self->options = options;
  self->pool = tfp_pool_new((size_t)options.num_threads);
  self->base.data_ = self;
  self->base.Prepare = claim_nodes;
  /* Without this flag runtimes prepare all nodes first, and stop at the ops they do not know. */
  self->base.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  return &self->base;
}

TfLiteDelegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                              void (*report_error)(const char *)) {
  return create((const char *const *)keys, (const char *const *)values, count, report_error);
}

static void destroy(TfLiteDelegate *base) {
  if (base == NULL) return;
  tfp_pool_free(((delegate *)(void *)base)->pool);
  free(base);
}

void tflite_plugin_destroy_delegate(TfLiteDelegate *base) {
  destroy(base);
}

static void report_to_stderr(const char *message) {
  fprintf(stderr, "%s\n", message);
}

TfLiteDelegate *tfpipeline_delegate_create(const char *const *keys, const char *const *values,
                                           size_t count) {
  return create(keys, values, count, report_to_stderr);
}

void tfpipeline_delegate_destroy(TfLiteDelegate *base) {
  destroy(base);
}
