/* Reads which 8x4 tiles of a sparse tensor are stored: custom_ops/spec/block_sparse.md. */
#ifndef TFP_SPARSITY_H_
#define TFP_SPARSITY_H_

#include "../ops/common/tfp_sparse_matrix.h"
#include "tfp_tflite_abi.h"

/* Weights of `parts` parts of `part_rows` rows each, all of depth `depth`. Nothing of the tensor is
 * believed; on failure writes one sentence, which follows a name and a colon, and returns false.
 * `tiles` points into the tensor. */
bool tfp_read_sparsity(const TfLiteTensor *tensor, size_t parts, size_t part_rows, size_t depth,
                       tfp_stored_tiles *tiles, char *error, size_t error_size);

#endif
