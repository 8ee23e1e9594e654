#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { kLargestCount = 1 << 20 };

typedef struct reader {
  const unsigned char *at;
  size_t left;
  bool failed;
} reader;

void *model_memory(size_t bytes) {
  void *memory = malloc(bytes > 0 ? bytes : 1);
  if (memory == NULL) exit(3);
  return memory;
}

static void take(reader *r, void *to, size_t count) {
  if (r->failed || count > r->left) {
    r->failed = true;
    memset(to, 0, count);
    return;
  }
  if (count > 0) memcpy(to, r->at, count);
  r->at += count;
  r->left -= count;
}

static int32_t take_int(reader *r) {
  int32_t value;
  take(r, &value, sizeof value);
  return value;
}

/* A count from `least` to `most`; anything else ends the reading. */
static int32_t take_count(reader *r, int32_t least, int32_t most) {
  const int32_t count = take_int(r);
  if (!r->failed && count >= least && count <= most) return count;
  r->failed = true;
  return 0;
}

/* An array of 4-byte values, NULL when there are none or too few bytes. */
static void *take_array(reader *r, int32_t count) {
  if (count <= 0 || (size_t)count * 4 > r->left) {
    r->failed = r->failed || count > 0;
    return NULL;
  }
  void *values = model_memory((size_t)count * 4);
  take(r, values, (size_t)count * 4);
  return values;
}

static model_bytes take_bytes(reader *r) {
  const size_t size = (size_t)take_count(r, 0, INT32_MAX);
  if (size == 0 || r->failed || size > r->left) {
    r->failed = r->failed || size > 0;
    return (model_bytes){NULL, 0};
  }
  model_bytes bytes = {model_memory(size), size};
  take(r, bytes.data, size);
  return bytes;
}

static void read_tensor(reader *r, model_tensor *t) {
  t->type = take_int(r);
  t->role = take_count(r, kInner, kVariable);
  t->rank = take_count(r, -1, MODEL_MAX_RANK);
  for (int32_t i = 0; i < t->rank; ++i) t->dims[i] = take_int(r);
  t->scale_count = take_count(r, -1, kLargestCount);
  t->scales = take_array(r, t->scale_count);
  t->zero_point_count = take_count(r, -1, kLargestCount);
  t->zero_points = take_array(r, t->zero_point_count);
  t->dimension = take_int(r);
  t->misaligned = take_count(r, 0, 3);
  t->sparsity_count = take_count(r, -1, kLargestCount);
  t->sparsity = take_array(r, t->sparsity_count);
  t->data = take_bytes(r);
}

static void read_node(reader *r, model_node *n) {
  n->builtin_code = take_int(r);
  take(r, n->name, sizeof n->name);
  n->name[sizeof n->name - 1] = '\0';
  n->input_count = take_count(r, 0, MODEL_MAX_INDICES);
  for (int32_t i = 0; i < n->input_count; ++i) n->inputs[i] = take_int(r);
  n->output_count = take_count(r, 0, MODEL_MAX_INDICES);
  for (int32_t i = 0; i < n->output_count; ++i) n->outputs[i] = take_int(r);
  n->intermediate_count = take_count(r, -1, MODEL_MAX_INTERMEDIATES);
  for (int32_t i = 0; i < n->intermediate_count; ++i) n->intermediates[i] = take_int(r);
  n->has_builtin_data = take_int(r);
  for (int i = 0; i < 4; ++i) n->builtin_data[i] = take_int(r);
  n->options = take_bytes(r);
}

model *model_read(const unsigned char *data, size_t size) {
  reader r = {data, size, size < 8 || memcmp(data, "TFPH", 4) != 0};
  if (r.failed) return NULL;
  model *m = model_memory(sizeof *m);
  memset(m, 0, sizeof *m);
  take_int(&r); /* the four letters */
  m->tensor_count = take_count(&r, 0, MODEL_MAX_TENSORS);
  for (int32_t i = 0; i < m->tensor_count; ++i) read_tensor(&r, &m->tensors[i]);
  m->node_count = take_count(&r, 0, MODEL_MAX_NODES);
  for (int32_t i = 0; i < m->node_count; ++i) read_node(&r, &m->nodes[i]);
  if (!r.failed && r.left == 0) return m;
  model_free(m);
  return NULL;
}

static void *copy_of(const void *from, size_t bytes) {
  if (from == NULL) return NULL;
  void *to = model_memory(bytes);
  memcpy(to, from, bytes);
  return to;
}

model *model_copy(const model *other) {
  model *m = copy_of(other, sizeof *other);
  for (int i = 0; i < MODEL_MAX_TENSORS; ++i) {
    model_tensor *t = &m->tensors[i];
    t->scales = copy_of(t->scales, (size_t)t->scale_count * sizeof(float));
    t->zero_points = copy_of(t->zero_points, (size_t)t->zero_point_count * sizeof(int32_t));
    t->sparsity = copy_of(t->sparsity, (size_t)t->sparsity_count * sizeof(int32_t));
    t->data.data = copy_of(t->data.data, t->data.size);
  }
  for (int i = 0; i < MODEL_MAX_NODES; ++i) {
    m->nodes[i].options.data = copy_of(m->nodes[i].options.data, m->nodes[i].options.size);
  }
  return m;
}

void model_free(model *m) {
  if (m == NULL) return;
  for (int i = 0; i < MODEL_MAX_TENSORS; ++i) {
    free(m->tensors[i].scales);
    free(m->tensors[i].zero_points);
    free(m->tensors[i].sparsity);
    free(m->tensors[i].data.data);
  }
  for (int i = 0; i < MODEL_MAX_NODES; ++i) free(m->nodes[i].options.data);
  free(m);
}
