#include "tfp_recurrent_weights.h"

#include <stddef.h>

#include "../kernels/common/tfp_assert.h"
#include "../ops/common/tfp_masked.h"
#include "../ops/common/tfp_unpack.h"
#include "tfp_check.h"
#include "tfp_memory.h"
#include "tfp_sparsity.h"

/* A matrix that only stores what is not 0: `values` are its bytes until they are expanded. */
static TfLiteStatus read_masked(TfLiteContext *context, const tfp_node *node, int i,
                                const char *name, size_t rows, size_t depth, tfp_matrix *matrix) {
  TfLiteTensor *tensor;
  TfLiteStatus status =
      tfp_check_input(context, node, i, name, kTfLiteUInt8, 1, (const int[]){-1}, &tensor);
  if (status != kTfLiteOk) return status;
  const uint64_t bytes = (uint64_t)tensor->dims->data[0];
  status = tfp_check_constant(context, node, name, tensor, bytes);
  if (status != kTfLiteOk) return status;
  if (!tfp_masked_fits(tensor->data, bytes, (uint64_t)rows * depth)) {
    return tfp_node_error(context, node,
                          "%s must hold a bit for each of %lu x %lu numbers and a byte for each "
                          "bit that is set; its %llu bytes do not",
                          name, (unsigned long)rows, (unsigned long)depth,
                          (unsigned long long)bytes);
  }
  matrix->values = tensor->data;
  matrix->rows = rows;
  matrix->depth = depth;
  matrix->masked = true;
  return tfp_check_per_row(context, node, name, tensor, (int)rows, &matrix->scales,
                           &matrix->one_scale);
}

/* A matrix of which 8x4 tiles are stored, of `parts` parts: rows of a gate begin with a new tile.
 */
static TfLiteStatus read_tiles(TfLiteContext *context, const tfp_node *node, const char *name,
                               const TfLiteTensor *tensor, size_t parts, int bits,
                               tfp_matrix *matrix) {
  char reason[TFP_ERROR_BYTES / 2];
  if (bits != 8) {
    return tfp_node_error(context, node, "%s: sparse weights have 8 bits; got %d", name, bits);
  }
  if (!tfp_read_sparsity(tensor, parts, matrix->rows / parts, matrix->depth, &matrix->tiles, reason,
                         sizeof reason)) {
    return tfp_node_error(context, node, "%s: %s", name, reason);
  }
  matrix->values = tensor->data;
  return tfp_check_per_row(context, node, name, tensor, tensor->dims->data[0], &matrix->scales,
                           &matrix->one_scale);
}

/* Whether a tensor has rows of ternary numbers, five a byte. */
static bool holds_trits(const TfLiteTensor *tensor, size_t depth, int bits) {
  return tensor != NULL && tensor->dims != NULL && tensor->dims->size == 2 &&
         tensor->dims->data[1] > 0 && tfp_are_trits(depth, bits, (uint64_t)tensor->dims->data[1]);
}

/* A matrix of `bits` bits a weight; with fewer than 8 its tensor holds packed bytes. */
static TfLiteStatus read_matrix(TfLiteContext *context, const tfp_node *node, int i,
                                const char *name, size_t parts, size_t rows, size_t depth, int bits,
                                tfp_matrix *matrix) {
  matrix->rows = rows;
  matrix->depth = depth;
  TfLiteTensor *tensor = tfp_node_input(context, node, i);
  matrix->trits = holds_trits(tensor, depth, bits);
  const size_t row_bytes = matrix->trits ? tfp_trit_bytes(depth) : tfp_row_bytes(depth, bits);
  const int dims[2] = {(int)rows, (int)row_bytes};
  if (tensor != NULL && tensor->sparsity != NULL) {
    return read_tiles(context, node, name, tensor, parts, bits, matrix);
  }
  if (bits == 8 && tensor != NULL && tensor->dims != NULL && tensor->dims->size == 1) {
    return read_masked(context, node, i, name, rows, depth, matrix);
  }
  const bool is_uint8 = bits < 8 && tensor != NULL && tensor->type == kTfLiteUInt8;
  TfLiteStatus status = tfp_check_input(context, node, i, name,
                                        is_uint8 ? kTfLiteUInt8 : kTfLiteInt8, 2, dims, &tensor);
  if (status != kTfLiteOk) return status;
  status = tfp_check_constant(context, node, name, tensor, (uint64_t)rows * row_bytes);
  if (status != kTfLiteOk) return status;
  matrix->values = tensor->data;
  const size_t bytes = rows * row_bytes;
  const size_t bad = matrix->trits ? tfp_find_no_trits(tensor->data, bytes) : bytes;
  if (bad < bytes) {
    return tfp_node_error(context, node, "%s: byte %lu is %d; five ternary numbers are 0 to %d",
                          name, (unsigned long)bad, ((const uint8_t *)tensor->data)[bad],
                          TFP_MOST_TRITS);
  }
  return tfp_check_per_row(context, node, name, tensor, (int)rows, &matrix->scales,
                           &matrix->one_scale);
}

/* Reads one kernel: two factors (first at input `i`, second after it) or one plain matrix. */
static TfLiteStatus read_kernel(TfLiteContext *context, const tfp_node *node, int i,
                                const char *const *names, size_t depth, size_t rank, size_t rows,
                                size_t planes, const int *bits, tfp_matrix *matrices) {
  const size_t gates = cell_of(node)->gates;
  TFP_ASSERT(i + 1 < node->input_count);
  if (rank > 0) {
    const TfLiteStatus status =
        read_matrix(context, node, i, names[0], 1, rank, depth, bits[0], &matrices[0]);
    if (status != kTfLiteOk) return status;
    return read_matrix(context, node, i + 1, names[1], gates, rows, rank, bits[1], &matrices[1]);
  }
  if (node->inputs[i + 1] != kTfLiteOptionalTensor) {
    return tfp_node_error(context, node, "%s must be left out when its rank is 0", names[1]);
  }
  return read_matrix(context, node, i, names[0], planes * gates, planes * rows, depth, bits[0],
                     &matrices[0]);
}

/* A cell without a recurrent product has no matrices of one. */
static TfLiteStatus check_absent(TfLiteContext *context, const tfp_node *node, int i,
                                 const char *const *names) {
  for (int n = 0; n < 2; ++n) {
    if (node->inputs[i + n] != kTfLiteOptionalTensor) {
      return tfp_node_error(context, node, "%s must be left out of this op", names[n]);
    }
  }
  return kTfLiteOk;
}

/* A float32 constant (rows, columns). */
static TfLiteStatus read_floats(TfLiteContext *context, const tfp_node *node, int i,
                                const char *name, size_t rows, size_t columns,
                                const float **values) {
  TfLiteTensor *tensor;
  TfLiteStatus status = tfp_check_input(context, node, i, name, kTfLiteFloat32, 2,
                                        (const int[]){(int)rows, (int)columns}, &tensor);
  if (status != kTfLiteOk) return status;
  status =
      tfp_check_constant(context, node, name, tensor, (uint64_t)rows * columns * sizeof(float));
  *values = tensor->data;
  return status;
}

TfLiteStatus tfp_read_recurrent_weights(TfLiteContext *context, const tfp_node *node,
                                        const tfp_recurrent_options *options,
                                        tfp_recurrent_weights *weights) {
  static const char *const kernel_names[] = {"kernel W1", "kernel W2"};
  static const char *const recurrent_names[] = {"recurrent kernel U1", "recurrent kernel U2"};
  const tfp_cell *cell = cell_of(node);
  const size_t rows = cell->gates * options->units;
  TfLiteStatus status = read_kernel(context, node, input_after_states(node, kW1), kernel_names,
                                    tfp_recurrent_depth(options), options->rank_x, rows,
                                    options->planes_x, options->weight_bits, weights->kernel);
  if (status != kTfLiteOk) return status;
  status = !cell->recurrent
               ? check_absent(context, node, input_after_states(node, kU1), recurrent_names)
               : read_kernel(context, node, input_after_states(node, kU1), recurrent_names,
                             options->units, options->rank_h, rows, options->planes_h,
                             options->weight_bits + 2, weights->recurrent);
  if (status != kTfLiteOk) return status;
  status = read_floats(context, node, input_after_states(node, kBias), "bias",
                       tfp_cell_stored_rows(cell), rows, &weights->bias);
  if (status != kTfLiteOk || !options->layer_norm) return status;
  return read_floats(context, node, input_after_states(node, kGains), "gains", 2, rows,
                     &weights->gains);
}

TfLiteStatus tfp_expand_recurrent_weights(TfLiteContext *context, const tfp_node *node,
                                          tfp_recurrent_weights *weights, void **memory) {
  tfp_matrix *const all[] = {&weights->kernel[0], &weights->kernel[1], &weights->recurrent[0],
                             &weights->recurrent[1]};
  uint64_t bytes = 0;
  for (int i = 0; i < 4; ++i) {
    if (all[i]->masked) bytes += (uint64_t)all[i]->rows * all[i]->depth;
  }
  *memory = NULL;
  if (bytes == 0) return kTfLiteOk;
  *memory = tfp_allocate(bytes);
  if (*memory == NULL) {
    return tfp_node_error(context, node, "%llu bytes for weights could not be allocated",
                          (unsigned long long)bytes);
  }
  int8_t *values = *memory;
  for (int i = 0; i < 4; ++i) {
    if (!all[i]->masked) continue;
    const size_t count = all[i]->rows * all[i]->depth;
    tfp_masked_expand((const uint8_t *)all[i]->values, count, values);
    all[i]->values = values;
    all[i]->masked = false;
    values += count;
  }
  return kTfLiteOk;
}
