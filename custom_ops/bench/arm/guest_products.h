/* The products that the counted program calls: of whole matrices, dense and of sparse tiles. */
#ifndef GUEST_PRODUCTS_H
#define GUEST_PRODUCTS_H

#include <string.h>

#include "../../ops/recurrent/tfp_recurrent.h"
#include "guest_memory.h"
#include "region.h"

enum {
  kMaxBatch = 8,    /* what the kernels of this architecture take */
  kCheckedRow = 61, /* every 61st row is checked by plain loops */
  kBlocksAtOnce =
      16, /* at most, whole panels, whose sums stay in the first-level cache until they are int8 */
};

static size_t blocks_at_once(const tfp_weight_kernels *kernels) {
  const size_t panel = kernels->panels[0];
  return (size_t)kBlocksAtOnce / panel * panel;
}

/* Products in int8: by the kernel itself, or a gemm call for each few blocks, as the op has it. */
static void multiply_to_int8(const tfp_variant *variant, int bits, const unsigned char *packed,
                             size_t blocks, size_t depth, size_t batch, const int8_t *x,
                             size_t x_stride, int32_t *acc, const float *multiplier, int8_t *out) {
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const size_t block_bytes = tfp_packed_block_bytes(kernels, depth);
  const size_t acc_stride = kBlocksAtOnce * TFP_ROW_BLOCK, rows = blocks * TFP_ROW_BLOCK;
  const tfp_output_s8 to = {3, -128, 127};
  if (kernels->gemm_output_s8 != NULL) {
    kernels->gemm_output_s8(packed, blocks, depth, batch, x, (ptrdiff_t)x_stride, multiplier, &to,
                            out, rows);
    return;
  }
  for (size_t b = 0; b < blocks; b += blocks_at_once(kernels)) {
    const size_t most = blocks_at_once(kernels), now = blocks - b < most ? blocks - b : most;
    const size_t row = b * TFP_ROW_BLOCK;
    kernels->gemm(packed + b * block_bytes, now, depth, batch, x, (ptrdiff_t)x_stride, acc,
                  acc_stride);
    for (size_t n = 0; n < batch; ++n) {
      variant->output_s8(acc + n * acc_stride, multiplier + row, now * TFP_ROW_BLOCK, to,
                         out + n * rows + row);
    }
  }
}

/* Vectors and results in float32: each vector is quantized over its own range first. */
static void multiply_floats(const tfp_variant *variant, const unsigned char *packed, size_t blocks,
                            size_t depth, size_t batch, const float *x, int8_t *q, size_t q_stride,
                            int32_t *acc, const tfp_row_parameters *parameters, float *out) {
  const tfp_weight_kernels *kernels = &variant->s8;
  const size_t block_bytes = tfp_packed_block_bytes(kernels, depth);
  const size_t acc_stride = kBlocksAtOnce * TFP_ROW_BLOCK, rows = blocks * TFP_ROW_BLOCK;
  tfp_affine levels[kMaxBatch];
  for (size_t n = 0; n < batch; ++n) {
    levels[n] = variant->quantize(x + n * depth, depth, q + n * q_stride);
  }
  const tfp_output_f32 to = {levels, -0x1p+100f, 0x1p+100f};
  if (kernels->gemm_output_f32 != NULL) {
    kernels->gemm_output_f32(packed, blocks, depth, batch, q, (ptrdiff_t)q_stride, parameters, &to,
                             out, rows);
    return;
  }
  for (size_t b = 0; b < blocks; b += blocks_at_once(kernels)) {
    const size_t most = blocks_at_once(kernels), now = blocks - b < most ? blocks - b : most;
    const size_t row = b * TFP_ROW_BLOCK;
    kernels->gemm(packed + b * block_bytes, now, depth, batch, q, (ptrdiff_t)q_stride, acc,
                  acc_stride);
    const tfp_row_parameters at = {parameters->weight_sums + row, parameters->scales + row,
                                   parameters->bias + row};
    variant->output_f32(acc, acc_stride, batch, &at, now * TFP_ROW_BLOCK, &to, out + row, rows);
  }
}

static int check_products(const int8_t *weights, const int8_t *x, size_t x_stride, size_t rows,
                          size_t depth, size_t batch, const int32_t *acc) {
  for (size_t row = 0; row < rows; row += kCheckedRow) {
    for (size_t n = 0; n < batch; ++n) {
      int32_t sum = 0;
      for (size_t k = 0; k < depth; ++k) sum += weights[row * depth + k] * x[n * x_stride + k];
      if (sum != acc[n * rows + row]) return fail("a product is wrong");
    }
  }
  return 0;
}

typedef enum result { kSums, kInt8, kFloat } result;

static int run_gemm(const tfp_variant *variant, int bits, size_t rows, size_t depth, size_t batch,
                    result wanted) {
  if (batch > kMaxBatch || rows % TFP_ROW_BLOCK != 0) {
    return fail("expected a batch of at most 8 and rows in blocks of 16");
  }
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const size_t blocks = rows / TFP_ROW_BLOCK;
  const size_t block_bytes = tfp_packed_block_bytes(kernels, depth);
  const size_t padded = (depth + kernels->depth_block - 1) & ~(kernels->depth_block - 1);
  int8_t *weights = random_bytes(rows * depth, rows * depth);
  for (size_t i = 0; bits < 8 && i < rows * depth; ++i) {
    weights[i] = (int8_t)((weights[i] & ((1 << bits) - 1)) - (1 << (bits - 1)));
  }
  /* The same in every variant, whatever its padding. */
  const int8_t *columns = random_bytes(batch * depth, batch * depth);
  int8_t *x = take(batch * padded);
  for (size_t n = 0; n < batch; ++n) memcpy(x + n * padded, columns + n * depth, depth);
  unsigned char *packed = take(blocks * block_bytes);
  const size_t at_once = kBlocksAtOnce * TFP_ROW_BLOCK;
  int32_t *acc = take(batch * (rows > at_once ? rows : at_once) * sizeof(int32_t));
  for (size_t b = 0; b < blocks; ++b) {
    tfp_pack_block(kernels, packed, blocks, b, weights + b * TFP_ROW_BLOCK * depth, TFP_ROW_BLOCK,
                   depth, depth, 0);
  }
  const void *out = acc;
  size_t bytes = batch * rows * sizeof(int32_t);
  if (wanted == kInt8) {
    const float *multiplier = same_floats(rows, bits == 8   ? 0x1p-10f
                                                : bits == 4 ? 0x1p-6f
                                                            : 0x1p-4f);
    int8_t *y = take(batch * rows);
    REGION_BEGIN();
    multiply_to_int8(variant, bits, packed, blocks, depth, batch, x, padded, acc, multiplier, y);
    REGION_END();
    out = y;
    bytes = batch * rows;
  } else if (wanted == kFloat) {
    int32_t *weight_sums = take(rows * sizeof *weight_sums);
    for (size_t i = 0; i < rows * depth; ++i) weight_sums[i / depth] += weights[i];
    const tfp_row_parameters parameters = {weight_sums, same_floats(rows, 0x1p-10f),
                                           same_floats(rows, 0.125f)};
    float *vectors = take(batch * depth * sizeof *vectors), *y = take(batch * rows * sizeof *y);
    for (size_t i = 0; i < batch * depth; ++i) vectors[i] = (float)columns[i] * 0x1p-5f;
    REGION_BEGIN();
    multiply_floats(variant, packed, blocks, depth, batch, vectors, x, padded, acc, &parameters, y);
    REGION_END();
    out = y;
  } else {
    REGION_BEGIN();
    kernels->gemm(packed, blocks, depth, batch, x, (ptrdiff_t)padded, acc, rows);
    REGION_END();
    if (check_products(weights, x, padded, rows, depth, batch, acc) != 0) return 1;
  }
  printf("weights %zu checksum %08x\n", blocks * block_bytes, (unsigned)checksum(out, bytes));
  return 0;
}

static int run_sparse(const tfp_variant *variant, size_t rows, size_t depth, size_t batch) {
  if (batch > kMaxBatch || rows % TFP_ROW_BLOCK != 0 || depth % TFP_SPARSE_COLUMNS != 0) {
    return fail("expected a batch of at most 8, rows in blocks of 16 and columns in tiles of 4");
  }
  const tfp_weight_kernels *kernels = &variant->sparse;
  const size_t blocks = rows / TFP_ROW_BLOCK;
  int8_t *weights = random_bytes(rows * depth, rows * depth);
  for (size_t row = 0; row < rows; row += TFP_SPARSE_ROWS) {
    for (size_t k = 0; k < depth; k += TFP_SPARSE_COLUMNS) {
      state = state * 1664525u + 1013904223u;
      if ((state >> 16) % 10 >= 7) continue;
      for (size_t i = row; i < row + TFP_SPARSE_ROWS; ++i) {
        memset(weights + i * depth + k, 0, TFP_SPARSE_COLUMNS);
      }
    }
  }
  const int8_t *x = random_bytes(batch * depth, batch * depth);
  int32_t *acc = take(batch * rows * sizeof *acc);
  const size_t tiles = rows / TFP_SPARSE_ROWS * (depth / TFP_SPARSE_COLUMNS);
  unsigned char *packed = take((size_t)tfp_sparse_bytes_at_most(blocks, tiles));
  size_t bytes = 0;
  for (size_t b = 0; b < blocks; ++b) {
    kernels->pack(weights + b * TFP_ROW_BLOCK * depth, TFP_ROW_BLOCK, depth, depth, 0,
                  packed + bytes, 1, 0);
    bytes += tfp_sparse_block_bytes(packed + bytes);
  }
  REGION_BEGIN();
  kernels->gemm(packed, blocks, depth, batch, x, (ptrdiff_t)depth, acc, rows);
  REGION_END();
  if (check_products(weights, x, depth, rows, depth, batch, acc) != 0) return 1;
  const uint32_t sum = checksum(acc, batch * rows * sizeof *acc);
  printf("weights %zu checksum %08x\n", bytes, (unsigned)sum);
  return 0;
}

#endif
