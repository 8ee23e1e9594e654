#include "host.h"

#include <stdlib.h>
#include <string.h>

enum { kMostBytes = 1 << 22 };

/* A copy at an address that is `misaligned` bytes past an aligned one; ends where memory ends. */
static void *constant(const model_bytes *bytes, int32_t misaligned) {
  if (bytes->data == NULL) return NULL;
  unsigned char *memory = model_memory(bytes->size + (size_t)misaligned);
  memcpy(memory + misaligned, bytes->data, bytes->size);
  return memory + misaligned;
}

static void release_constant(void *data, int32_t misaligned) {
  if (data != NULL) free((unsigned char *)data - misaligned);
}

static TfLiteQuantization quantization(const model_tensor *from) {
  if (from->scale_count < 0 && from->zero_point_count < 0) return (TfLiteQuantization){0};
  TfLiteAffineQuantization *q = model_memory(sizeof *q);
  q->scale = NULL;
  if (from->scale_count >= 0) {
    q->scale = model_memory(sizeof *q->scale + (size_t)from->scale_count * sizeof(float));
    q->scale->size = from->scale_count;
    for (int32_t i = 0; i < from->scale_count; ++i) q->scale->data[i] = from->scales[i];
  }
  q->zero_point = host_int_array(from->zero_points, from->zero_point_count);
  q->quantized_dimension = from->dimension;
  return (TfLiteQuantization){kTfLiteAffineQuantization, q};
}

static void set_tensor(TfLiteTensor *t, const model_tensor *from) {
  memset(t, 0, sizeof *t);
  t->type = (TfLiteType)from->type;
  t->dims = host_int_array(from->dims, from->rank);
  t->quantization = quantization(from);
  t->is_variable = from->role == kVariable;
  if (from->role == kConstant) {
    t->allocation_type = kTfLiteMmapRo;
    t->data = constant(&from->data, from->misaligned);
    t->bytes = from->data.size;
  } else if (!host_bytes_of(t->type, t->dims, &t->bytes)) {
    t->bytes = 0;
  }
  t->sparsity = host_sparsity(from->sparsity, from->sparsity_count);
}

/* The parameters of a builtin op; those of a FULLY_CONNECTED where it is none that is known. */
static void *builtin_data(const model_node *from) {
  const int32_t *values = from->builtin_data;
  if (from->builtin_code == kTfLiteBuiltinUnidirectionalSequenceLstm) {
    TfLiteUnidirectionalSequenceLSTMParams *params = model_memory(sizeof *params);
    memset(params, 0, sizeof *params);
    params->activation = values[0];
    memcpy(&params->cell_clip, &values[1], sizeof params->cell_clip);
    memcpy(&params->proj_clip, &values[2], sizeof params->proj_clip);
    params->time_major = values[3] != 0;
    return params;
  }
  TfLiteFullyConnectedParams *params = model_memory(sizeof *params);
  params->activation = values[0];
  params->weights_format = values[1];
  params->keep_num_dims = values[2] != 0;
  params->asymmetric_quantize_inputs = values[3] != 0;
  return params;
}

host *host_new(const model *m) {
  host *h = model_memory(sizeof *h);
  memset(h, 0, sizeof *h);
  h->m = m;
  h->context.ResizeTensor = host_resize_tensor;
  h->context.ReportError = host_report;
  h->context.tensors_size = (size_t)m->tensor_count;
  h->context.tensors = model_memory((size_t)m->tensor_count * sizeof(TfLiteTensor));
  for (int32_t i = 0; i < m->tensor_count; ++i) set_tensor(&h->context.tensors[i], &m->tensors[i]);
  int32_t plan[MODEL_MAX_NODES];
  for (int32_t i = 0; i < m->node_count; ++i) {
    const model_node *from = &m->nodes[i];
    host_node *to = host_append_node(h);
    plan[i] = i;
    to->node.inputs = host_int_array(from->inputs, from->input_count);
    to->node.outputs = host_int_array(from->outputs, from->output_count);
    /* Options lie at any address in a file. */
    to->node.custom_initial_data = constant(&from->options, 1);
    to->node.custom_initial_data_size = (int)from->options.size;
    to->registration.builtin_code = from->builtin_code;
    to->registration.custom_name = from->builtin_code == kTfLiteBuiltinCustom ? from->name : NULL;
    to->node.intermediates = host_int_array(from->intermediates, from->intermediate_count);
    if (from->has_builtin_data != 0) to->node.builtin_data = builtin_data(from);
  }
  h->plan = host_int_array(plan, m->node_count);
  host_show_graph(h, false);
  return h;
}

TfLiteStatus host_apply(host *h, TfLiteDelegate *delegate) {
  host_show_graph(h, true);
  const TfLiteStatus status = delegate->Prepare(&h->context, delegate);
  host_show_graph(h, false);
  return status;
}

void host_register(host *h, const TfLiteRegistration *registration) {
  for (int i = 0; i < h->node_count; ++i) {
    host_node *n = &h->nodes[i];
    const char *name = n->registration.custom_name;
    if (name == NULL || strcmp(name, registration->custom_name) != 0) continue;
    n->registration = *registration;
    n->resolved = n->started = true;
    n->node.user_data = registration->init(&h->context, n->node.custom_initial_data,
                                           (size_t)n->node.custom_initial_data_size);
  }
}

/* Whether somebody outside the node that makes it reads the tensor: others get no memory. */
static bool is_read(const host *h, int index) {
  const int32_t role = h->m->tensors[index].role;
  if (role == kFed || role == kExpected || role == kVariable) return true;
  for (int i = 0; i < h->plan->size; ++i) {
    const TfLiteIntArray *inputs = h->nodes[h->plan->data[i]].node.inputs;
    for (int k = 0; k < inputs->size; ++k) {
      if (inputs->data[k] == index) return true;
    }
    const TfLiteIntArray *temporaries = h->nodes[h->plan->data[i]].node.temporaries;
    for (int k = 0; temporaries != NULL && k < temporaries->size; ++k) {
      if (temporaries->data[k] == index) return true;
    }
  }
  return false;
}

static void fill(TfLiteTensor *t, const model_tensor *from) {
  unsigned char *to = t->data;
  const bool is_given = from->role == kFed || from->role == kVariable;
  for (size_t i = 0; i < t->bytes; ++i) {
    to[i] = is_given && from->data.size > 0 ? from->data.data[i % from->data.size] : 99;
  }
}

static TfLiteStatus give_memory(host *h) {
  size_t total = 0;
  for (size_t i = 0; i < h->context.tensors_size; ++i) {
    TfLiteTensor *t = &h->context.tensors[i];
    if (t->allocation_type == kTfLiteMmapRo) continue;
    free(t->data);
    t->data = NULL;
    total += t->bytes;
    if (total > kMostBytes) return kTfLiteDelegateError;
    if (!is_read(h, (int)i)) continue;
    t->data = model_memory(t->bytes);
    fill(t, &h->m->tensors[i]);
  }
  return kTfLiteOk;
}

TfLiteStatus host_prepare(host *h) {
  for (int i = 0; i < h->plan->size; ++i) {
    host_node *n = &h->nodes[h->plan->data[i]];
    if (!n->resolved) {
      host_report(&h->context, "host: nobody runs node %d. ", h->plan->data[i]);
      return kTfLiteError;
    }
    const TfLiteStatus status = n->registration.prepare(&h->context, &n->node);
    if (status != kTfLiteOk) return status;
  }
  return give_memory(h);
}

TfLiteStatus host_invoke(host *h) {
  for (int i = 0; i < h->plan->size; ++i) {
    host_node *n = &h->nodes[h->plan->data[i]];
    const TfLiteStatus status = n->registration.invoke(&h->context, &n->node);
    if (status != kTfLiteOk) return status;
  }
  return kTfLiteOk;
}

TfLiteTensor *host_tensor(host *h, int index) {
  return &h->context.tensors[index];
}

const char *host_errors(const host *h) {
  return h->errors;
}

static void free_node(host *h, int index) {
  host_node *n = &h->nodes[index];
  if (n->started) n->registration.free(&h->context, n->node.user_data);
  free(n->node.inputs);
  free(n->node.outputs);
  free(n->node.intermediates);
  free(n->node.temporaries);
  free(n->node.builtin_data);
  if (index < h->m->node_count) release_constant((void *)n->node.custom_initial_data, 1);
  free(n->params.nodes_to_replace);
  free(n->params.input_tensors);
  free(n->params.output_tensors);
}

void host_free(host *h) {
  if (h == NULL) return;
  for (int i = 0; i < h->node_count; ++i) free_node(h, i);
  for (size_t i = 0; i < h->context.tensors_size; ++i) {
    TfLiteTensor *t = &h->context.tensors[i];
    const bool is_constant = t->allocation_type == kTfLiteMmapRo;
    release_constant(t->data, is_constant ? h->m->tensors[i].misaligned : 0);
    free(t->dims);
    host_free_sparsity(t->sparsity);
    TfLiteAffineQuantization *q = t->quantization.params;
    if (q != NULL) {
      free(q->scale);
      free(q->zero_point);
      free(q);
    }
  }
  free(h->context.tensors);
  free(h->nodes);
  free(h->plan);
  free(h);
}
