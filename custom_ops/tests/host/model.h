/* A model as the host runs it: a list of tensors and a list of nodes, read from the bytes that
 * tests/native/host_models.py writes. Everything in it may be wrong on purpose. */
#ifndef TFP_TESTS_MODEL_H_
#define TFP_TESTS_MODEL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_MAX_TENSORS = 48, MODEL_MAX_NODES = 8, MODEL_MAX_RANK = 10, MODEL_MAX_INDICES = 72 };
enum { MODEL_MAX_INTERMEDIATES = 8 };

/* A variable begins with its data, and keeps what a node leaves there from call to call. */
typedef enum model_role {
  kInner = 0,
  kConstant = 1,
  kFed = 2,
  kExpected = 3,
  kVariable = 4
} model_role;

typedef struct model_bytes {
  unsigned char *data; /* NULL with size 0 */
  size_t size;
} model_bytes;

typedef struct model_tensor {
  int32_t type;
  int32_t role;
  int32_t rank; /* -1: no dimensions at all */
  int32_t dims[MODEL_MAX_RANK];
  int32_t scale_count; /* -1: no array; both -1: no quantization */
  float *scales;
  int32_t zero_point_count;
  int32_t *zero_points;
  int32_t dimension;
  int32_t misaligned;     /* by how many bytes */
  int32_t sparsity_count; /* -1: none */
  int32_t *sparsity;      /* as host_sparsity.c reads it */
  model_bytes data;       /* of a constant, what is fed, or what is expected */
} model_tensor;

typedef struct model_node {
  int32_t builtin_code;
  char name[64];
  int32_t input_count, inputs[MODEL_MAX_INDICES];
  int32_t output_count, outputs[MODEL_MAX_INDICES];
  int32_t intermediate_count; /* -1: no array */
  int32_t intermediates[MODEL_MAX_INTERMEDIATES];
  int32_t has_builtin_data, builtin_data[4];
  model_bytes options;
} model_node;

typedef struct model {
  int32_t tensor_count, node_count;
  model_tensor tensors[MODEL_MAX_TENSORS];
  model_node nodes[MODEL_MAX_NODES];
} model;

/* NULL when the bytes are not those of a model. */
model *model_read(const unsigned char *data, size_t size);
model *model_copy(const model *other);
void model_free(model *m);

/* Memory of exactly this many bytes; ends the program when there is none. */
void *model_memory(size_t bytes);

#endif
