/* The sparsity of a tensor from the numbers of a model, which may be any. */
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { kMostDimensions = 8 };

typedef struct cursor {
  const int32_t *at;
  int32_t left;
} cursor;

static int32_t next(cursor *c) {
  if (c->left <= 0) return -1;
  --c->left;
  return *c->at++;
}

/* An array, its length first; none below 0. What goes past the end is cut. */
static TfLiteIntArray *next_array(cursor *c) {
  int32_t count = next(c);
  if (count > c->left) count = c->left;
  TfLiteIntArray *array = host_int_array(c->at, count);
  if (count > 0) c->at += count, c->left -= count;
  return array;
}

TfLiteSparsity *host_sparsity(const int32_t *numbers, int32_t count) {
  if (count < 0) return NULL;
  cursor c = {numbers, count};
  TfLiteSparsity *sparsity = model_memory(sizeof *sparsity);
  memset(sparsity, 0, sizeof *sparsity);
  sparsity->traversal_order = next_array(&c);
  sparsity->block_map = next_array(&c);
  const int32_t dimensions = next(&c);
  if (dimensions < 0) return sparsity;
  sparsity->dim_metadata_size = dimensions < kMostDimensions ? dimensions : kMostDimensions;
  sparsity->dim_metadata =
      model_memory((size_t)sparsity->dim_metadata_size * sizeof *sparsity->dim_metadata);
  for (int i = 0; i < sparsity->dim_metadata_size; ++i) {
    TfLiteDimensionMetadata *d = &sparsity->dim_metadata[i];
    d->format = (TfLiteDimensionType)next(&c);
    d->dense_size = next(&c);
    d->array_segments = next_array(&c);
    d->array_indices = next_array(&c);
  }
  return sparsity;
}

void host_free_sparsity(TfLiteSparsity *sparsity) {
  if (sparsity == NULL) return;
  for (int i = 0; i < sparsity->dim_metadata_size; ++i) {
    free(sparsity->dim_metadata[i].array_segments);
    free(sparsity->dim_metadata[i].array_indices);
  }
  free(sparsity->dim_metadata);
  free(sparsity->traversal_order);
  free(sparsity->block_map);
  free(sparsity);
}
