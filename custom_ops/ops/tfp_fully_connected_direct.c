#include "tfp_fully_connected_direct.h"

size_t tfp_fully_connected_direct(const tfp_fully_connected *op, const tfp_direct_vectors *vectors,
                                  size_t block, size_t blocks) {
  const tfp_variant *variant = op->variant;
  const bool can = op->shape.is_float ? variant->gemm_f32 != NULL : variant->gemm_s8 != NULL;
  const size_t rows = op->shape.rows, whole = rows / TFP_ROW_BLOCK - block;
  if (blocks > whole) blocks = whole;
  if (!can || op->shape.weight_bits != 8 || blocks == 0) return 0;
  const unsigned char *packed = op->packed + block * op->block_bytes;
  const size_t row = block * TFP_ROW_BLOCK, depth = op->shape.depth;
  if (op->shape.is_float) {
    const tfp_row_parameters parameters = {op->weight_sums + row, op->multiplier + row,
                                           op->bias + row};
    tfp_output_f32 to[TFP_MAX_BATCH];
    for (size_t n = 0; n < vectors->batch; ++n) {
      to[n] = (tfp_output_f32){vectors->levels[n], op->y_low, op->y_high};
    }
    variant->gemm_f32(packed, blocks, depth, vectors->batch, vectors->x, vectors->x_stride,
                      &parameters, to, (float *)vectors->y + row, rows);
  } else {
    variant->gemm_s8(packed, blocks, depth, vectors->batch, vectors->x, vectors->x_stride,
                     op->multiplier + row, op->y, (int8_t *)vectors->y + row, rows);
  }
  return blocks;
}
