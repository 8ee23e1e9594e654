/* A TensorFlow Lite of our own, as small as the plug-in needs it, for tests that want prepare and
 * invoke under sanitizers: every array and every tensor is an allocation of its exact size, and
 * whatever a real runtime may move or free between two calls is moved and freed here. */
#ifndef TFP_TESTS_HOST_H_
#define TFP_TESTS_HOST_H_

#include "../../plugin/tfp_tflite_abi.h"
#include "model.h"

typedef struct host_node {
  TfLiteNode node;
  TfLiteRegistration registration;
  TfLiteDelegateParams params; /* of a node that a delegate made */
  bool resolved;               /* somebody runs it */
  bool started;                /* init was called */
} host_node;

typedef struct host {
  TfLiteContext context; /* first, so that both have one address */
  const model *m;
  int node_count;
  host_node *nodes;
  TfLiteIntArray *plan;
  size_t used;
  char errors[2048];
} host;

host *host_new(const model *m);
void host_free(host *h);

/* Calls Prepare of a delegate, which may replace nodes. */
TfLiteStatus host_apply(host *h, TfLiteDelegate *delegate);

/* Gives the nodes of a custom op to a registration, as an op resolver does. */
void host_register(host *h, const TfLiteRegistration *registration);

/* What AllocateTensors does: prepares the nodes in their order and gives memory to tensors.
 * kTfLiteDelegateError: the model is well, but larger than a test should run. */
TfLiteStatus host_prepare(host *h);
TfLiteStatus host_invoke(host *h);

TfLiteTensor *host_tensor(host *h, int index);
/* All that was reported so far. */
const char *host_errors(const host *h);

/* Parts of the host, in host_graph.c. */
void host_show_graph(host *h, bool shown);
void host_report(TfLiteContext *context, const char *format, ...);
TfLiteStatus host_resize_tensor(TfLiteContext *context, TfLiteTensor *t, TfLiteIntArray *dims);
host_node *host_append_node(host *h);
TfLiteSparsity *host_sparsity(const int32_t *numbers, int32_t count);
void host_free_sparsity(TfLiteSparsity *sparsity);
TfLiteIntArray *host_int_array(const int32_t *values, int32_t count);
bool host_bytes_of(TfLiteType type, const TfLiteIntArray *dims, size_t *bytes);

#endif
