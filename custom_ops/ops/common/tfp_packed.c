#include "tfp_packed.h"

#include "tfp_unpack.h"

size_t tfp_row_bytes(size_t depth, int bits) {
  return (depth * (size_t)bits + 7) / 8;
}

tfp_weight_format tfp_format_of(const tfp_matrix *matrix, int bits) {
  const bool is_sparse = matrix->tiles.segments != NULL;
  return (tfp_weight_format){bits, is_sparse,
                             is_sparse ? tfp_paired_count(&matrix->tiles, matrix->rows) : 0};
}

tfp_packed tfp_packed_layout(const tfp_variant *variant, const tfp_weight_format *format,
                             size_t depth, size_t blocks, tfp_arena *arena) {
  tfp_packed packed = {.depth = depth, .blocks = blocks};
  TFP_ASSERT(blocks > 0 && (!format->is_sparse || format->bits == 8));
  if (!format->is_sparse) {
    packed.kernels = tfp_get_weight_kernels(variant, format->bits);
    packed.block_bytes = tfp_packed_block_bytes(packed.kernels, depth);
    packed.data = tfp_arena_take(arena, blocks, packed.block_bytes);
    return packed;
  }
  const uint64_t bytes = tfp_sparse_bytes_at_most(blocks, format->tiles);
  packed.kernels = &variant->sparse;
  packed.block_bytes = (size_t)(bytes / blocks);
  packed.data = tfp_arena_take(arena, bytes, 1);
  packed.places = tfp_arena_take(arena, blocks + 1, sizeof *packed.places);
  return packed;
}

size_t tfp_packed_last_panel(const tfp_packed *packed) {
  if (packed->places != NULL) return 1;
  return tfp_find_block(packed->kernels, packed->data, packed->blocks, packed->depth,
                        packed->blocks - 1)
      .width;
}

int32_t *tfp_packed_put(const tfp_packed *packed, size_t block, const int8_t *weights, size_t rows,
                        int32_t zero_point) {
  const size_t depth = packed->depth;
  TFP_ASSERT(block < packed->blocks && rows > 0 && rows <= TFP_ROW_BLOCK);
  if (packed->places == NULL) {
    tfp_pack_block(packed->kernels, packed->data, packed->blocks, block, weights, rows, depth,
                   depth, zero_point);
    const tfp_block_place at =
        tfp_find_block(packed->kernels, packed->data, packed->blocks, depth, block);
    return (int32_t *)(void *)at.panel + at.index * TFP_ROW_BLOCK;
  }
  unsigned char *to = packed->data + (size_t)packed->places[block] * TFP_SPARSE_ALIGNMENT;
  packed->kernels->pack(weights, rows, depth, depth, zero_point, to, 1, 0);
  const size_t bytes = tfp_sparse_block_bytes(to);
  packed->places[block + 1] = packed->places[block] + (uint32_t)(bytes / TFP_SPARSE_ALIGNMENT);
  return (int32_t *)(void *)to;
}

void tfp_packed_fill(const tfp_packed *packed, size_t block, const tfp_matrix *matrix, size_t first,
                     size_t rows, int32_t zero_point, int8_t *row_scratch) {
  TFP_ASSERT(matrix->depth == packed->depth && first + rows <= matrix->rows);
  const int bits = packed->kernels->bits;
  TFP_ASSERT((bits == 8 && packed->places == NULL) || row_scratch != NULL);
  TFP_ASSERT(bits == 2 || !matrix->trits);
  const size_t depth = packed->depth;
  const size_t row_bytes = matrix->trits ? tfp_trit_bytes(depth) : tfp_row_bytes(depth, bits);
  const int8_t *values = row_scratch;
  if (packed->places != NULL) {
    tfp_spread_tiles(&matrix->tiles, matrix->values, first, rows, depth, row_scratch);
  } else if (bits < 8) {
    const uint8_t *bytes = (const uint8_t *)matrix->values + first * row_bytes;
    for (size_t row = 0; row < rows; ++row) {
      const uint8_t *from = bytes + row * row_bytes;
      if (matrix->trits) {
        tfp_unpack_trits(from, depth, row_scratch + row * depth);
      } else {
        tfp_unpack(from, 0, depth, (unsigned)bits, row_scratch + row * depth);
      }
    }
  } else {
    values = matrix->values + first * row_bytes;
  }
  tfp_packed_put(packed, block, values, rows, zero_point);
}
