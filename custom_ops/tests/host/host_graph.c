/* What a delegate may ask a runtime for: its graph, and new nodes in it. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { kMostNodes = 4 * MODEL_MAX_NODES };

static host *self(TfLiteContext *context) {
  return (host *)(void *)context;
}

TfLiteIntArray *host_int_array(const int32_t *values, int32_t count) {
  if (count < 0) return NULL;
  TfLiteIntArray *array = model_memory(sizeof *array + (size_t)count * sizeof(int));
  array->size = count;
  for (int32_t i = 0; i < count; ++i) array->data[i] = values[i];
  return array;
}

static size_t type_bytes(TfLiteType type) {
  switch ((int)type) {
    case kTfLiteFloat32:
    case kTfLiteInt32:
      return 4;
    case kTfLiteInt64:
      return 8;
    default:
      return 1;
  }
}

/* False when the tensor would be larger than the runtimes allow. */
bool host_bytes_of(TfLiteType type, const TfLiteIntArray *dims, size_t *bytes) {
  uint64_t count = type_bytes(type);
  for (int i = 0; dims != NULL && i < dims->size; ++i) {
    if (dims->data[i] < 0) return false;
    count *= (uint64_t)dims->data[i];
    if (count > INT_MAX) return false;
  }
  *bytes = type == kTfLiteInt4 ? (size_t)(count + 1) / 2 : (size_t)count;
  return true;
}

void host_report(TfLiteContext *context, const char *format, ...) {
  host *h = self(context);
  va_list arguments;
  va_start(arguments, format);
  const int count = vsnprintf(h->errors + h->used, sizeof h->errors - h->used, format, arguments);
  va_end(arguments);
  if (count > 0) h->used += (size_t)count;
  if (h->used >= sizeof h->errors) h->used = sizeof h->errors - 1;
}

TfLiteStatus host_resize_tensor(TfLiteContext *context, TfLiteTensor *t, TfLiteIntArray *dims) {
  size_t bytes;
  if (t->allocation_type == kTfLiteMmapRo) {
    /* Runtimes let it pass where nothing changes, so that only the plug-in can refuse it. */
    const bool same = t->dims != NULL && t->dims->size == dims->size &&
                      memcmp(t->dims->data, dims->data, (size_t)dims->size * sizeof(int)) == 0;
    free(dims);
    if (!same) host_report(context, "host: a constant cannot be resized. ");
    return same ? kTfLiteOk : kTfLiteError;
  }
  if (!host_bytes_of(t->type, dims, &bytes)) {
    free(dims);
    host_report(context, "host: the size of a tensor overflows. ");
    return kTfLiteError;
  }
  free(t->dims);
  t->dims = dims;
  t->bytes = bytes;
  return kTfLiteOk;
}

static TfLiteStatus get_plan(TfLiteContext *context, TfLiteIntArray **plan) {
  *plan = self(context)->plan;
  return kTfLiteOk;
}

static TfLiteStatus get_node(TfLiteContext *context, int index, TfLiteNode **node,
                             TfLiteRegistration **registration) {
  host *h = self(context);
  if (index < 0 || index >= h->node_count) return kTfLiteError;
  *node = &h->nodes[index].node;
  *registration = &h->nodes[index].registration;
  return kTfLiteOk;
}

static int by_value(const void *a, const void *b) {
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* Sorted, each once, without those left out: what a delegate's node gets. */
static TfLiteIntArray *unique(const TfLiteIntArray *from) {
  TfLiteIntArray *array = host_int_array(from->data, from->size);
  qsort(array->data, (size_t)array->size, sizeof(int), by_value);
  int kept = 0;
  for (int i = 0; i < array->size; ++i) {
    if (array->data[i] < 0 || (kept > 0 && array->data[kept - 1] == array->data[i])) continue;
    array->data[kept++] = array->data[i];
  }
  TfLiteIntArray *exact = host_int_array(array->data, kept);
  free(array);
  return exact;
}

/* A longer array at another address: real runtimes keep nodes in a vector. */
host_node *host_append_node(host *h) {
  host_node *nodes = model_memory((size_t)(h->node_count + 1) * sizeof *nodes);
  if (h->node_count > 0) memcpy(nodes, h->nodes, (size_t)h->node_count * sizeof *nodes);
  free(h->nodes);
  h->nodes = nodes;
  host_node *added = &nodes[h->node_count++];
  memset(added, 0, sizeof *added);
  return added;
}

static TfLiteStatus replace(TfLiteContext *context, TfLiteRegistration registration,
                            const TfLiteIntArray *nodes, TfLiteDelegate *delegate) {
  host *h = self(context);
  if (nodes->size != 1 || h->node_count >= kMostNodes) return kTfLiteError;
  const int replaced = nodes->data[0], place = h->node_count;
  host_node *added = host_append_node(h);
  const TfLiteNode *original = &h->nodes[replaced].node;
  added->node.inputs = unique(original->inputs);
  added->node.outputs = unique(original->outputs);
  added->node.delegate = delegate;
  added->registration = registration;
  added->resolved = true;
  added->params =
      (TfLiteDelegateParams){delegate, host_int_array(nodes->data, 1),
                             host_int_array(added->node.inputs->data, added->node.inputs->size),
                             host_int_array(added->node.outputs->data, added->node.outputs->size)};
  TfLiteIntArray *plan = host_int_array(h->plan->data, h->plan->size);
  for (int i = 0; i < plan->size; ++i) {
    if (plan->data[i] == replaced) plan->data[i] = place;
  }
  free(h->plan);
  h->plan = plan;
  added->started = true;
  added->node.user_data =
      registration.init(context, (const char *)(const void *)&added->params, sizeof added->params);
  return kTfLiteOk;
}

static TfLiteStatus forbidden_plan(TfLiteContext *context, TfLiteIntArray **plan) {
  *plan = NULL;
  host_report(context, "host: the plan is not to be had now. ");
  return kTfLiteError;
}

static TfLiteStatus forbidden_node(TfLiteContext *context, int index, TfLiteNode **node,
                                   TfLiteRegistration **registration) {
  (void)index;
  *node = NULL;
  *registration = NULL;
  host_report(context, "host: nodes are not to be had now. ");
  return kTfLiteError;
}

static TfLiteStatus forbidden_replace(TfLiteContext *context, TfLiteRegistration registration,
                                      const TfLiteIntArray *nodes, TfLiteDelegate *delegate) {
  (void)registration;
  (void)nodes;
  (void)delegate;
  host_report(context, "host: nodes are not replaced now. ");
  return kTfLiteError;
}

/* Delegates see the graph while they are applied, and never else. */
void host_show_graph(host *h, bool shown) {
  h->context.GetExecutionPlan = shown ? get_plan : forbidden_plan;
  h->context.GetNodeAndRegistration = shown ? get_node : forbidden_node;
  h->context.ReplaceNodeSubsetsWithDelegateKernels = shown ? replace : forbidden_replace;
}
