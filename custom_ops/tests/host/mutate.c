#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugin/tfpipeline_ops.h"

static uint32_t state;

static uint32_t draw(void) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

void mutate_seed(uint32_t seed) {
  state = seed;
  for (int i = 0; i < 4; ++i) draw(); /* neighbours begin alike */
}

uint32_t mutate_random(uint32_t end) {
  return end > 0 ? draw() % end : 0;
}

static uint32_t below(uint32_t end) {
  return mutate_random(end);
}

static int32_t int_of(uint32_t bits) {
  int32_t value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Whole numbers at which comparisons, products and casts turn. */
static int32_t odd_int(int32_t old) {
  static const uint32_t odd[] = {0,           1,           2,           7,           8,
                                 9,           16,          255,         256,         32767,
                                 65535,       65536,       1u << 20,    0x7fffffffu, 0x80000000u,
                                 0xffffffffu, 0xfffffffeu, 0x40000000u, 0x3fffffffu, 0x10000u};
  switch (below(4)) {
    case 0:
      return int_of((uint32_t)old + 1u);
    case 1:
      return int_of((uint32_t)old - 1u);
    case 2:
      return int_of(draw() << 8 ^ draw());
    default:
      return int_of(odd[below(sizeof odd / sizeof odd[0])]);
  }
}

static float odd_float(float old) {
  static const uint32_t odd[] = {0,           0x80000000u, 1,           0x7f800000u, 0xff800000u,
                                 0x7fc00000u, 0x7f7fffffu, 0x00800000u, 0x3f800000u, 0xbf800000u,
                                 0x2b800000u, 0x2b7fffffu, 0x53800000u, 0x53800001u};
  float value;
  memcpy(&value, &odd[below(sizeof odd / sizeof odd[0])], sizeof value);
  return below(3) == 0 ? old * 1.5f : value;
}

/* Another length, at times none; what is new is 0. */
static void *resize(void *old, size_t old_bytes, size_t bytes) {
  unsigned char *to = bytes > 0 ? model_memory(bytes) : NULL;
  for (size_t i = 0; i < bytes; ++i) to[i] = i < old_bytes ? ((unsigned char *)old)[i] : 0;
  free(old);
  return to;
}

static void damage_bytes(model_bytes *bytes, bool length_too) {
  if (bytes->size > 0 && (!length_too || below(4) > 0)) {
    const size_t at = below((uint32_t)bytes->size);
    int32_t word;
    if (below(2) == 0 || at % 4 != 0 || at + 4 > bytes->size) {
      bytes->data[at] = (unsigned char)draw();
    } else {
      memcpy(&word, bytes->data + at, sizeof word);
      word = odd_int(word);
      memcpy(bytes->data + at, &word, sizeof word);
    }
    return;
  }
  const size_t lengths[] = {0, bytes->size + 1, bytes->size / 2, below(100)};
  const size_t size = lengths[below(4)];
  bytes->data = resize(bytes->data, bytes->size, size);
  bytes->size = size;
}

static void damage_shape(model_tensor *t) {
  if (t->rank > 0 && below(4) > 0) {
    int32_t *dim = &t->dims[below((uint32_t)t->rank)];
    *dim = below(2) == 0 ? (int32_t)below(12) : odd_int(*dim);
    return;
  }
  const int32_t rank = (int32_t)below(MODEL_MAX_RANK + 2) - 1;
  for (int32_t i = t->rank < 0 ? 0 : t->rank; i < rank; ++i) t->dims[i] = 1;
  t->rank = rank;
}

static void damage_quantization(model_tensor *t) {
  const int32_t scales = t->scale_count, zeros = t->zero_point_count;
  switch (below(6)) {
    case 0:
    case 1:
      if (scales > 0) {
        float *scale = &t->scales[below((uint32_t)scales)];
        *scale = odd_float(*scale);
      }
      break;
    case 2:
      if (zeros > 0) {
        int32_t *zero = &t->zero_points[below((uint32_t)zeros)];
        *zero = odd_int(*zero);
      }
      break;
    case 3:
      t->scale_count = (int32_t)below(20) - 1;
      t->scales = resize(t->scales, scales > 0 ? (size_t)scales * 4 : 0,
                         t->scale_count > 0 ? (size_t)t->scale_count * 4 : 0);
      break;
    case 4:
      t->zero_point_count = (int32_t)below(20) - 1;
      t->zero_points = resize(t->zero_points, zeros > 0 ? (size_t)zeros * 4 : 0,
                              t->zero_point_count > 0 ? (size_t)t->zero_point_count * 4 : 0);
      break;
    default:
      t->dimension = odd_int(t->dimension);
  }
}

static void damage_sparsity(model_tensor *t) {
  if (t->sparsity_count > 0 && below(8) > 0) {
    int32_t *number = &t->sparsity[below((uint32_t)t->sparsity_count)];
    *number = below(2) == 0 ? (int32_t)below(12) : odd_int(*number);
    return;
  }
  free(t->sparsity);
  t->sparsity = NULL;
  t->sparsity_count = t->sparsity_count < 0 ? 0 : -1;
}

static void damage_tensor(model_tensor *t) {
  static const int32_t types[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18, 19, -1, 255};
  if (t->sparsity_count > 0 && below(2) == 0) {
    damage_sparsity(t);
    return;
  }
  switch (below(12)) {
    case 0:
      t->type = types[below(sizeof types / sizeof types[0])];
      break;
    case 1:
    case 2:
    case 3:
      damage_shape(t);
      break;
    case 4:
    case 5:
    case 6:
      damage_quantization(t);
      break;
    case 7:
      t->role = t->role == kConstant ? kInner : kConstant;
      /* Otherwise an output that is written all the same would get the bytes that it has. */
      if (t->data.size > 0) t->data.data[0] ^= 0x55;
      break;
    case 8:
      t->misaligned = (int32_t)below(4);
      break;
    case 9:
      damage_sparsity(t);
      break;
    default:
      damage_bytes(&t->data, true);
  }
}

static void damage_indices(int32_t *indices, int32_t *count, int32_t tensors) {
  const uint32_t other = below((uint32_t)tensors);
  const int32_t place = (int32_t)below((uint32_t)*count);
  switch (below(6)) {
    case 0:
      *count = (int32_t)below(MODEL_MAX_INDICES + 1);
      break;
    case 1:
      if (*count > 0) indices[place] = odd_int(indices[place]);
      break;
    case 2:
      if (*count > 0) indices[place] = -1;
      break;
    case 3:
      if (*count > 0) {
        const int32_t kept = indices[place], second = (int32_t)below((uint32_t)*count);
        indices[place] = indices[second];
        indices[second] = kept;
      }
      break;
    default:
      if (*count > 0) indices[place] = (int32_t)other;
  }
}

static void damage_intermediates(model_node *n, int32_t tensors) {
  int32_t *index = &n->intermediates[below((uint32_t)n->intermediate_count)];
  switch (below(3)) {
    case 0:
      n->intermediate_count = (int32_t)below(MODEL_MAX_INTERMEDIATES + 2) - 1;
      break;
    case 1:
      *index = odd_int(*index);
      break;
    default:
      *index = (int32_t)below((uint32_t)tensors);
  }
}

/* One of our ops, or a name that is none. */
static const char *any_name(void) {
  static const char *const others[] = {"tfpipeline.", "", "other"};
  const uint32_t ours = (uint32_t)tfpipeline_op_count();
  const uint32_t i = below(ours + sizeof others / sizeof others[0]);
  return i < ours ? tfpipeline_op_name(i) : others[i - ours];
}

static void damage_node(model *m, model_node *n) {
  if (n->intermediate_count > 0 && below(8) == 0) {
    damage_intermediates(n, m->tensor_count);
    return;
  }
  switch (below(12)) {
    case 0:
      strcpy(n->name, any_name());
      break;
    case 1:
      n->has_builtin_data = !n->has_builtin_data;
      break;
    case 2: {
      int32_t *value = &n->builtin_data[below(4)];
      *value = odd_int(*value);
      break;
    }
    case 3:
      /* The same node again, whose outputs two nodes write then. */
      if (m->node_count < MODEL_MAX_NODES) {
        model_node *twin = &m->nodes[m->node_count++];
        *twin = *n;
        twin->options.data = NULL;
        twin->options.data = resize(NULL, 0, n->options.size);
        if (n->options.size > 0) memcpy(twin->options.data, n->options.data, n->options.size);
        damage_bytes(&twin->options, false);
      }
      break;
    case 4:
    case 5:
      damage_indices(n->inputs, &n->input_count, m->tensor_count);
      break;
    case 6:
    case 7:
      damage_indices(n->outputs, &n->output_count, m->tensor_count);
      break;
    default:
      damage_bytes(&n->options, true);
  }
}

void mutate(model *m) {
  if (m->node_count > 0 && below(2) == 0) {
    damage_node(m, &m->nodes[below((uint32_t)m->node_count)]);
  } else if (m->tensor_count > 0) {
    damage_tensor(&m->tensors[below((uint32_t)m->tensor_count)]);
  }
}
