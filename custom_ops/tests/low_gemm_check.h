/* Products with weights of 4 and 2 bits against plain loops. */
#ifndef TFP_TESTS_LOW_GEMM_CHECK_H_
#define TFP_TESTS_LOW_GEMM_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum {
  kLowDepth = 1400,
  kLowRows = 400,
  kDeepest = 65536, /* of a layer */
  kDeepestRows = 17,
};

static int8_t low_weights[kDeepestRows * kDeepest];
static int8_t low_columns[TFP_MAX_BATCH * kDeepest];
_Static_assert(sizeof low_weights >= kLowRows * kLowDepth, "the wide matrix fits too");

static int32_t low_sum(size_t row, size_t n, size_t depth, int32_t zero_point) {
  int32_t sum = 0;
  for (size_t k = 0; k < depth; ++k) {
    sum += low_weights[row * depth + k] * (low_columns[n * depth + k] - zero_point);
  }
  return sum;
}

static void check_low_gemm(const tfp_variant *variant, int bits, const void *packed, size_t rows,
                           size_t depth, size_t batch, int32_t zero_point, bool at_end) {
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const size_t padded = (depth + kernels->depth_block - 1) & ~(kernels->depth_block - 1);
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK, width = blocks * TFP_ROW_BLOCK;
  const guarded x = guarded_new(batch * padded, at_end);
  const guarded acc = guarded_new(batch * width * sizeof(int32_t), at_end);
  memset(x.data, 77, batch * padded); /* what is past the depth must not count */
  for (size_t n = 0; n < batch; ++n) {
    memcpy((int8_t *)x.data + n * padded, low_columns + n * depth, depth);
  }
  memset(acc.data, 0x33, batch * width * sizeof(int32_t));
  kernels->gemm(packed, blocks, depth, batch, x.data, (ptrdiff_t)padded, acc.data, width);
  bool same = true;
  for (size_t n = 0; n < batch; ++n) {
    for (size_t row = 0; row < width; ++row) {
      const int32_t wanted = row < rows ? low_sum(row, n, depth, zero_point) : 0;
      same = same && ((const int32_t *)acc.data)[n * width + row] == wanted;
    }
  }
  expect(same, variant->name, bits == 4 ? "4-bit gemm (depth, rows, batch)" : "2-bit gemm", depth,
         rows, batch);
  guarded_free(x);
  guarded_free(acc);
}

/* `extreme` 0: at random; else all weights and all values of x at one of their ends, and at the
 * depth of `kDeepest` the zero point at the other end than x. */
static void test_low_gemm(const tfp_variant *variant, int bits, size_t rows, size_t depth,
                          int extreme, bool at_end) {
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const int32_t half = 1 << (bits - 1), any = (int32_t)(random_bits() % 256) - 128;
  const int32_t zero_point = depth < kDeepest ? any : extreme > 2 ? -128 : 127;
  for (size_t i = 0; i < rows * depth; ++i) {
    const int32_t at_random = (int32_t)(random_bits() % (uint32_t)(2 * half)) - half;
    low_weights[i] = (int8_t)(extreme == 0 ? at_random : extreme % 2 == 0 ? half - 1 : -half);
  }
  for (size_t i = 0; i < TFP_MAX_BATCH * depth; ++i) {
    low_columns[i] = (int8_t)(extreme == 0  ? (int32_t)(random_bits() & 0xff) - 128
                              : extreme > 2 ? 127
                                            : -128);
  }
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const size_t block_bytes = tfp_packed_block_bytes(kernels, depth);
  const guarded source = guarded_new(rows * depth, at_end);
  const guarded packed = guarded_new(blocks * block_bytes, at_end);
  memcpy(source.data, low_weights, rows * depth);
  for (size_t b = 0; b < blocks; ++b) {
    const size_t row = b * TFP_ROW_BLOCK, left = rows - row;
    tfp_pack_block(kernels, packed.data, blocks, b, (const int8_t *)source.data + row * depth,
                   left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth, depth, zero_point);
  }
  /* The widest tiles are of four columns; plain loops over the deepest matrix take their time. */
  const size_t most = depth < kDeepest ? TFP_MAX_BATCH : 4;
  for (size_t batch = 1; batch <= most; ++batch) {
    check_low_gemm(variant, bits, packed.data, rows, depth, batch, zero_point, at_end);
  }
  guarded_free(source);
  guarded_free(packed);
}

static void test_low_gemms(const tfp_variant *variant, bool at_end) {
  static const size_t depths[] = {1,  3,  4,  7,  8,  9,  15,  16,  17,  31,  32,
                                  33, 48, 63, 64, 65, 96, 100, 130, 200, 641, 1400};
  for (int bits = 4; bits >= 2; bits -= 2) {
    for (size_t d = 0; d < sizeof depths / sizeof *depths; ++d) {
      test_low_gemm(variant, bits, 33, depths[d], 0, at_end);
    }
    test_low_gemm(variant, bits, 1, 40, 0, at_end);
    /* All widths of panels, and of what is left of a matrix after the widest. */
    for (size_t blocks = 1; blocks <= 2 * TFP_MAX_PANEL + 1; ++blocks) {
      test_low_gemm(variant, bits, blocks * TFP_ROW_BLOCK - 5, 67, 0, at_end);
    }
    for (int extreme = 1; extreme <= 4; ++extreme) {
      test_low_gemm(variant, bits, 17, 1400, extreme, at_end);
      /* Where sums are largest: none may overflow. */
      if (at_end) test_low_gemm(variant, bits, kDeepestRows, kDeepest, extreme, at_end);
    }
  }
}

#endif
