/* gemm of sparse weights against plain loops over the same weights with their zeros. */
#ifndef TFP_TESTS_SPARSE_GEMM_CHECK_H_
#define TFP_TESTS_SPARSE_GEMM_CHECK_H_

#include <string.h>

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum { kSparseRows = 100, kSparseDepth = 1400 };

static int8_t sparse_weights[kSparseRows * kSparseDepth];
static int8_t sparse_columns[TFP_MAX_BATCH * kSparseDepth];

/* `zeros` of 8 tiles are zeros; with `extreme` all other numbers are as large as they may be. */
static void fill_sparse(size_t rows, size_t depth, uint32_t zeros, bool extreme) {
  for (size_t row = 0; row < rows; row += TFP_SPARSE_ROWS) {
    for (size_t k = 0; k < depth; k += TFP_SPARSE_COLUMNS) {
      const bool is_zero = random_bits() % 8 < zeros;
      for (size_t i = row; i < row + TFP_SPARSE_ROWS && i < rows; ++i) {
        for (size_t j = k; j < k + TFP_SPARSE_COLUMNS && j < depth; ++j) {
          const int32_t any = extreme ? -127 : (int32_t)(random_bits() % 255) - 127;
          sparse_weights[i * depth + j] = (int8_t)(is_zero ? 0 : any);
        }
      }
    }
  }
  for (size_t i = 0; i < TFP_MAX_BATCH * depth; ++i) {
    sparse_columns[i] = (int8_t)(extreme ? -128 : (int32_t)(random_bits() & 0xff) - 128);
  }
}

/* The packed blocks in memory of exactly their size. */
static guarded packed_sparse(const tfp_weight_kernels *kernels, size_t rows, size_t depth,
                             size_t tiles, int32_t zero_point, bool at_end) {
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const size_t most = (size_t)tfp_sparse_bytes_at_most(blocks, tiles);
  const guarded space = guarded_new(most, false), source = guarded_new(rows * depth, at_end);
  memcpy(source.data, sparse_weights, rows * depth);
  size_t used = 0;
  for (size_t row = 0; row < rows; row += TFP_ROW_BLOCK) {
    const size_t left = rows - row;
    unsigned char *block = (unsigned char *)space.data + used;
    kernels->pack((const int8_t *)source.data + row * depth,
                  left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth, depth, zero_point, block, 1,
                  0);
    used += tfp_sparse_block_bytes(block);
  }
  expect(used <= most, "sparse", "bytes (depth, rows, bytes)", depth, rows, used);
  const guarded packed = guarded_new(used, at_end);
  memcpy(packed.data, space.data, used);
  guarded_free(space);
  guarded_free(source);
  return packed;
}

static void check_sparse_gemm(const tfp_variant *variant, const void *packed, size_t rows,
                              size_t depth, size_t batch, int32_t zero_point, bool at_end) {
  const size_t padded = (depth + 3) / 4 * 4;
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK, width = blocks * TFP_ROW_BLOCK;
  const bool backwards = batch % 2 == 0;
  const guarded x = guarded_new(batch * padded, at_end);
  const guarded acc = guarded_new(batch * width * sizeof(int32_t), at_end);
  int8_t *first = x.data;
  memset(first, 77, batch * padded); /* what is past the depth must not count */
  for (size_t n = 0; n < batch; ++n) {
    const size_t at = backwards ? batch - 1 - n : n;
    memcpy(first + at * padded, sparse_columns + n * depth, depth);
  }
  memset(acc.data, 0x33, batch * width * sizeof(int32_t));
  const ptrdiff_t stride = backwards ? -(ptrdiff_t)padded : (ptrdiff_t)padded;
  variant->sparse.gemm(packed, blocks, depth, batch, first + (backwards ? (batch - 1) * padded : 0),
                       stride, acc.data, width);
  bool same = true;
  for (size_t n = 0; n < batch; ++n) {
    for (size_t row = 0; row < width; ++row) {
      int32_t sum = 0;
      for (size_t k = 0; row < rows && k < depth; ++k) {
        sum += sparse_weights[row * depth + k] * (sparse_columns[n * depth + k] - zero_point);
      }
      same = same && ((const int32_t *)acc.data)[n * width + row] == sum;
    }
  }
  expect(same, variant->name, "sparse gemm (depth, rows, batch)", depth, rows, batch);
  guarded_free(x);
  guarded_free(acc);
}

static void test_sparse_gemm(const tfp_variant *variant, size_t rows, size_t depth, uint32_t zeros,
                             bool extreme, bool at_end) {
  const int32_t zero_point = extreme ? 127 : (int32_t)(random_bits() % 256) - 128;
  const size_t tiles = 2 * ((rows + 15) / 16) * ((depth + 3) / 4);
  fill_sparse(rows, depth, zeros, extreme);
  const guarded packed =
      packed_sparse(&variant->sparse, rows, depth, zeros == 8 ? 0 : tiles, zero_point, at_end);
  for (size_t batch = 1; batch <= TFP_MAX_BATCH; ++batch) {
    check_sparse_gemm(variant, packed.data, rows, depth, batch, zero_point, at_end);
  }
  guarded_free(packed);
}

/* All shares of zeros, none and all too. */
static void test_sparse_gemms(const tfp_variant *variant, bool at_end) {
  static const size_t depths[] = {1, 3, 4, 5, 8, 15, 16, 24, 33, 67, 130};
  static const size_t rows[] = {1, 7, 8, 9, 16, 17, 40, 100};
  for (uint32_t zeros = 0; zeros <= 8; zeros += 2) {
    for (size_t d = 0; d < sizeof depths / sizeof *depths; ++d) {
      for (size_t r = 0; r < sizeof rows / sizeof *rows; ++r) {
        test_sparse_gemm(variant, rows[r], depths[d], zeros, false, at_end);
      }
    }
  }
  test_sparse_gemm(variant, 33, kSparseDepth, 5, false, at_end);
  test_sparse_gemm(variant, 17, kSparseDepth, 0, true, at_end);
  test_sparse_gemm(variant, 17, kSparseDepth, 4, true, at_end);
}

#endif
