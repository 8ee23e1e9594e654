#include "tfp_packed.h"

#include "tfp_unpack.h"

size_t tfp_row_bytes(size_t depth, int bits) {
  return (depth * (size_t)bits + 7) / 8;
}

tfp_packed tfp_packed_layout(const tfp_variant *variant, int bits, size_t depth, size_t blocks,
                             tfp_arena *arena) {
  tfp_packed packed = {
      .kernels = tfp_get_weight_kernels(variant, bits), .depth = depth, .blocks = blocks};
  packed.block_bytes = tfp_packed_block_bytes(packed.kernels, depth);
  packed.data = tfp_arena_take(arena, blocks, packed.block_bytes);
  return packed;
}

void tfp_packed_fill(const tfp_packed *packed, size_t block, const tfp_matrix *matrix, size_t first,
                     size_t rows, int32_t zero_point, int8_t *row_scratch) {
  TFP_ASSERT(block < packed->blocks && rows > 0 && rows <= TFP_ROW_BLOCK);
  TFP_ASSERT(matrix->depth == packed->depth && first + rows <= matrix->rows);
  const int bits = packed->kernels->bits;
  TFP_ASSERT(bits == 8 || row_scratch != NULL);
  const size_t depth = packed->depth, row_bytes = tfp_row_bytes(depth, bits);
  const int8_t *values = matrix->values + first * row_bytes;
  if (bits < 8) {
    for (size_t row = 0; row < rows; ++row) {
      tfp_unpack((const uint8_t *)values + row * row_bytes, 0, depth, (unsigned)bits,
                 row_scratch + row * depth);
    }
    values = row_scratch;
  }
  tfp_pack_block(packed->kernels, packed->data, packed->blocks, block, values, rows, depth, depth,
                 zero_point);
}
