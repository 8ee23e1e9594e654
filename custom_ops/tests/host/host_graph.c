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
    case kTfLiteInt16:
      return 2;
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

static bool holds(const TfLiteIntArray *indices, int index) {
  for (int i = 0; i < indices->size; ++i) {
    if (indices->data[i] == index) return true;
  }
  return false;
}

/* The inputs or outputs of `nodes` one after the other, but for those in `without`. */
static TfLiteIntArray *all_of(const host *h, const TfLiteIntArray *nodes, bool outputs,
                              const TfLiteIntArray *without) {
  int32_t found[MODEL_MAX_NODES * MODEL_MAX_INDICES];
  int32_t count = 0;
  for (int i = 0; i < nodes->size; ++i) {
    const TfLiteNode *node = &h->nodes[nodes->data[i]].node;
    const TfLiteIntArray *of = outputs ? node->outputs : node->inputs;
    for (int k = 0; k < of->size; ++k) {
      if (without == NULL || !holds(without, of->data[k])) found[count++] = of->data[k];
    }
  }
  TfLiteIntArray *array = host_int_array(found, count);
  TfLiteIntArray *sorted = unique(array);
  free(array);
  return sorted;
}

/* Whether a tensor is an output of the model, or an input of a node that is not among `nodes`. */
static bool is_seen(const host *h, const TfLiteIntArray *nodes, int index) {
  if ((size_t)index >= h->context.tensors_size || h->m->tensors[index].role != kInner) return true;
  for (int i = 0; i < h->plan->size; ++i) {
    const int other = h->plan->data[i];
    if (!holds(nodes, other) && holds(h->nodes[other].node.inputs, index)) return true;
  }
  return false;
}

/* What others see of the outputs of `nodes`. */
static TfLiteIntArray *seen_outputs(const host *h, const TfLiteIntArray *nodes) {
  TfLiteIntArray *outputs = all_of(h, nodes, true, NULL);
  int kept = 0;
  for (int i = 0; i < outputs->size; ++i) {
    if (is_seen(h, nodes, outputs->data[i])) outputs->data[kept++] = outputs->data[i];
  }
  TfLiteIntArray *exact = host_int_array(outputs->data, kept);
  free(outputs);
  return exact;
}

/* One node in the place of the first of `nodes`, which follow each other in the plan. */
static TfLiteStatus replace_subset(TfLiteContext *context, TfLiteRegistration registration,
                                   const TfLiteIntArray *nodes, TfLiteDelegate *delegate) {
  host *h = self(context);
  if (h->node_count >= kMostNodes) return kTfLiteError;
  const int place = h->node_count;
  host_node *added = host_append_node(h);
  TfLiteIntArray *made = all_of(h, nodes, true, NULL);
  added->node.inputs = all_of(h, nodes, false, nodes->size > 1 ? made : NULL);
  added->node.outputs = nodes->size > 1 ? seen_outputs(h, nodes) : all_of(h, nodes, true, NULL);
  added->node.temporaries = host_int_array(NULL, 0);
  added->node.delegate = delegate;
  added->registration = registration;
  added->resolved = true;
  added->params =
      (TfLiteDelegateParams){delegate, host_int_array(nodes->data, nodes->size),
                             host_int_array(added->node.inputs->data, added->node.inputs->size),
                             host_int_array(added->node.outputs->data, added->node.outputs->size)};
  TfLiteIntArray *plan = host_int_array(h->plan->data, h->plan->size);
  plan->size = 0;
  for (int i = 0; i < h->plan->size; ++i) {
    const int index = h->plan->data[i];
    if (index == nodes->data[0]) plan->data[plan->size++] = place;
    if (!holds(nodes, index)) plan->data[plan->size++] = index;
  }
  free(made);
  free(h->plan);
  h->plan = plan;
  added->started = true;
  added->node.user_data =
      registration.init(context, (const char *)(const void *)&added->params, sizeof added->params);
  return kTfLiteOk;
}

static bool follow_each_other(const host *h, const TfLiteIntArray *nodes) {
  for (int i = 0; i + nodes->size <= h->plan->size; ++i) {
    if (h->plan->data[i] == nodes->data[0]) {
      return memcmp(&h->plan->data[i], nodes->data, (size_t)nodes->size * sizeof(int)) == 0;
    }
  }
  return false;
}

/* Runtimes make one node of what can run as one, and several where other nodes stand between. */
static TfLiteStatus replace(TfLiteContext *context, TfLiteRegistration registration,
                            const TfLiteIntArray *nodes, TfLiteDelegate *delegate) {
  if (follow_each_other(self(context), nodes)) {
    return replace_subset(context, registration, nodes, delegate);
  }
  TfLiteStatus status = kTfLiteOk;
  for (int i = 0; status == kTfLiteOk && i < nodes->size; ++i) {
    TfLiteIntArray *single = host_int_array(&nodes->data[i], 1);
    status = replace_subset(context, registration, single, delegate);
    free(single);
  }
  return status;
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
