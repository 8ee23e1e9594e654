#include "tfp_product.h"

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

void tfp_product_layout(tfp_product *product, const tfp_variant *variant, tfp_arena *arena) {
  const size_t unit_blocks = round_up(product->units, TFP_ROW_BLOCK) / TFP_ROW_BLOCK;
  product->last_depth = product->rank > 0 ? product->rank : product->depth;
  product->last_block_bytes = tfp_packed_block_bytes(variant, product->last_depth);
  product->inner_width = round_up(product->rank, TFP_ROW_BLOCK);
  product->last =
      tfp_arena_take(arena, (uint64_t)unit_blocks * product->gates, product->last_block_bytes);
  product->first = NULL;
  if (product->rank > 0) {
    const size_t width = product->inner_width;
    product->first = tfp_arena_take(arena, width / TFP_ROW_BLOCK,
                                    tfp_packed_block_bytes(variant, product->depth));
    product->multiplier = tfp_arena_take(arena, width, sizeof(float));
    product->inner_acc = tfp_arena_take(arena, width, TFP_STEP_CHUNK * sizeof(int32_t));
    product->inner = tfp_arena_take(arena, width, TFP_STEP_CHUNK);
  }
}

static size_t rows_in_block(size_t rows, size_t first) {
  return rows - first < TFP_ROW_BLOCK ? rows - first : TFP_ROW_BLOCK;
}

void tfp_product_pack(const tfp_product *product, const tfp_variant *variant,
                      const tfp_matrix *matrices, float scale, int32_t zero_point,
                      float inner_scale, float *row_multiplier) {
  const tfp_matrix *last = matrices;
  if (product->rank > 0) {
    const tfp_matrix *first = matrices;
    const size_t bytes = tfp_packed_block_bytes(variant, product->depth);
    unsigned char *block = product->first;
    for (size_t row = 0; row < product->rank; row += TFP_ROW_BLOCK, block += bytes) {
      variant->pack(first->values + row * product->depth, rows_in_block(product->rank, row),
                    product->depth, product->depth, zero_point, block);
    }
    for (size_t row = 0; row < product->inner_width; ++row) {
      const float product_scale = row < product->rank ? scale * first->scales[row] : 0.0f;
      product->multiplier[row] = product_scale / inner_scale;
    }
    scale = inner_scale;
    zero_point = 0;
    last = matrices + 1;
  }
  const size_t depth = product->last_depth;
  unsigned char *block = product->last;
  for (size_t unit = 0; unit < product->units; unit += TFP_ROW_BLOCK) {
    for (size_t gate = 0; gate < product->gates; ++gate, block += product->last_block_bytes) {
      variant->pack(last->values + (gate * product->units + unit) * depth,
                    rows_in_block(product->units, unit), depth, depth, zero_point, block);
    }
  }
  for (size_t row = 0; row < product->gates * product->units; ++row) {
    row_multiplier[row] = scale * last->scales[row];
  }
}

const int8_t *tfp_product_inner(const tfp_product *product, const tfp_variant *variant,
                                size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                ptrdiff_t *inner_stride) {
  if (product->rank == 0) {
    *inner_stride = x_stride;
    return x;
  }
  const size_t width = product->inner_width;
  variant->gemm(product->first, width / TFP_ROW_BLOCK, product->depth, batch, x, x_stride,
                product->inner_acc, width);
  for (size_t n = 0; n < batch; ++n) {
    variant->requantize(product->inner_acc + n * width, product->multiplier, width,
                        product->inner + n * width);
  }
  *inner_stride = (ptrdiff_t)width;
  return product->inner;
}
