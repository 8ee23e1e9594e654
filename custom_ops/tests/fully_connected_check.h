/* Kernels of a fully connected layer: weights of 4 and 2 bits against plain loops, quantization and
 * outputs against the portable ones. */
#ifndef TFP_TESTS_FULLY_CONNECTED_CHECK_H_
#define TFP_TESTS_FULLY_CONNECTED_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"

enum { kLowDepth = 1400, kLowRows = 100 };

static int8_t low_weights[kLowRows * kLowDepth];
static int8_t low_columns[TFP_MAX_BATCH * kLowDepth];

static int32_t low_sum(size_t row, size_t n, size_t depth, int32_t zero_point) {
  int32_t sum = 0;
  for (size_t k = 0; k < depth; ++k) {
    sum += low_weights[row * depth + k] * (low_columns[n * depth + k] - zero_point);
  }
  return sum;
}

static void check_low_gemm(const tfp_variant *variant, int bits, const void *packed, size_t rows,
                           size_t depth, size_t batch, int32_t zero_point, bool at_end) {
  const tfp_weight_kernels kernels = tfp_get_weight_kernels(variant, bits);
  const size_t padded = (depth + kernels.depth_block - 1) & ~(kernels.depth_block - 1);
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK, width = blocks * TFP_ROW_BLOCK;
  const guarded x = guarded_new(batch * padded, at_end);
  const guarded acc = guarded_new(batch * width * sizeof(int32_t), at_end);
  memset(x.data, 77, batch * padded); /* what is past the depth must not count */
  for (size_t n = 0; n < batch; ++n) {
    memcpy((int8_t *)x.data + n * padded, low_columns + n * depth, depth);
  }
  memset(acc.data, 0x33, batch * width * sizeof(int32_t));
  kernels.gemm(packed, blocks, depth, batch, x.data, (ptrdiff_t)padded, acc.data, width);
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

/* `extreme` 0: at random; else all weights and all values of x at one of their ends. */
static void test_low_gemm(const tfp_variant *variant, int bits, size_t rows, size_t depth,
                          int extreme, bool at_end) {
  const tfp_weight_kernels kernels = tfp_get_weight_kernels(variant, bits);
  const int32_t half = 1 << (bits - 1), zero_point = (int32_t)(random_bits() % 256) - 128;
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
  const size_t block_bytes = tfp_packed_block_bytes_of(kernels, bits, depth);
  const guarded source = guarded_new(rows * depth, at_end);
  const guarded packed = guarded_new(blocks * block_bytes, at_end);
  memcpy(source.data, low_weights, rows * depth);
  for (size_t b = 0; b < blocks; ++b) {
    const size_t row = b * TFP_ROW_BLOCK, left = rows - row;
    kernels.pack((const int8_t *)source.data + row * depth,
                 left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth, depth, zero_point,
                 (char *)packed.data + b * block_bytes);
  }
  for (size_t batch = 1; batch <= TFP_MAX_BATCH; ++batch) {
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
    test_low_gemm(variant, bits, 100, 67, 0, at_end);
    for (int extreme = 1; extreme <= 4; ++extreme) {
      test_low_gemm(variant, bits, 17, 1400, extreme, at_end);
    }
  }
}

static void test_quantize(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  /* Ranges near the smallest that counts, ordinary ones, large ones, subnormal values among
   * others, and rows of one sign. */
  static const uint32_t exponents[][2] = {
      {(uint32_t)-61, (uint32_t)-60}, {(uint32_t)-12, 3}, {90, 120}, {(uint32_t)-126, 2}};
  for (size_t count = 1; count <= 40; ++count) {
    for (size_t kind = 0; kind < 8; ++kind) {
      const guarded x = guarded_new(count * sizeof(float), at_end);
      const guarded q = guarded_new(count, at_end);
      int8_t wanted[40];
      for (size_t i = 0; i < count; ++i) {
        float value = random_float(exponents[kind / 2][0], exponents[kind / 2][1]);
        if (kind == 6 && i % 3 == 0) value = float_of(random_bits() & 0x807fffffu);
        ((float *)x.data)[i] = kind % 2 == 1 && value < 0 ? -value : value;
      }
      const tfp_affine got = variant->quantize(x.data, count, q.data);
      const tfp_affine reference = c->quantize(x.data, count, wanted);
      expect(memcmp(q.data, wanted, count) == 0 && memcmp(&got, &reference, sizeof got) == 0,
             variant->name, "quantize (count, kind)", count, kind, 0);
      guarded_free(x);
      guarded_free(q);
    }
  }
}

static void test_output_s8(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  static const tfp_output_s8 ends[] = {{0, -128, 127}, {-128, -128, 127}, {127, -128, 127},
                                       {5, 5, 60},     {-7, -7, 127},     {0, -127, 127}};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
    for (size_t count = 16; count <= 112; count += 32) {
      const guarded acc = guarded_new(count * sizeof(int32_t), at_end);
      const guarded multiplier = guarded_new(count * sizeof(float), at_end);
      const guarded got = guarded_new(count, at_end);
      int8_t wanted[112];
      for (size_t k = 0; k < count; ++k) {
        /* Small sums times a half are ties. */
        const int32_t bits = (int32_t)random_bits();
        const float factor = random_float((uint32_t)-32, 7);
        ((int32_t *)acc.data)[k] = k % 3 == 0 ? bits % 300 : bits;
        ((float *)multiplier.data)[k] = k % 2 == 0 ? 0.5f : factor < 0 ? -factor : factor;
      }
      variant->output_s8(acc.data, multiplier.data, count, ends[i], got.data);
      c->output_s8(acc.data, multiplier.data, count, ends[i], wanted);
      expect(memcmp(got.data, wanted, count) == 0, variant->name, "output_s8 (count, ends)", count,
             i, 0);
      guarded_free(acc);
      guarded_free(multiplier);
      guarded_free(got);
    }
  }
}

static void test_output_f32(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  static const tfp_output_f32 ends[] = {{{0x1p-7f, 0}, -0x1p+120f, 0x1p+120f},
                                        {{0x1.8p-60f, -128}, 0.0f, 6.0f},
                                        {{1.0f, 127}, 0.0f, 0x1p+120f}};
  enum { kCount = 48 };
  for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
    const guarded acc = guarded_new(kCount * sizeof(int32_t), at_end);
    const guarded sums = guarded_new(kCount * sizeof(int32_t), at_end);
    const guarded scales = guarded_new(kCount * sizeof(float), at_end);
    const guarded bias = guarded_new(kCount * sizeof(float), at_end);
    const guarded y = guarded_new(kCount * sizeof(float), at_end);
    float wanted[kCount];
    for (size_t k = 0; k < kCount; ++k) {
      ((int32_t *)acc.data)[k] = k % 7 == 0 ? 0 : (int32_t)random_bits();
      ((int32_t *)sums.data)[k] = k % 7 == 0 ? 0 : (int32_t)(random_bits() % 2000000) - 1000000;
      ((float *)scales.data)[k] = random_float((uint32_t)-40, 3);
      /* A sum of 0 leaves the bias alone, which may be subnormal. */
      ((float *)bias.data)[k] =
          k % 14 == 0 ? float_of(random_bits() & 0x807fffffu) : random_float((uint32_t)-90, 3);
    }
    const tfp_row_parameters rows = {sums.data, scales.data, bias.data};
    variant->output_f32(acc.data, &rows, kCount, ends[i], y.data);
    c->output_f32(acc.data, &rows, kCount, ends[i], wanted);
    expect(memcmp(y.data, wanted, sizeof wanted) == 0, variant->name, "output_f32 (ends)", i, 0, 0);
    guarded_free(acc);
    guarded_free(sums);
    guarded_free(scales);
    guarded_free(bias);
    guarded_free(y);
  }
}

enum { kWidth = (kLowRows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK * TFP_ROW_BLOCK };

/* What comes in one pass from `packed` weights against sums and their output. */
static void check_one_pass(const tfp_variant *variant, const tfp_variant *c, const void *packed,
                           size_t width, size_t depth, size_t batch, bool at_end) {
  const size_t padded = (depth + variant->depth_block - 1) & ~(variant->depth_block - 1);
  const size_t blocks = width / TFP_ROW_BLOCK, bytes = width * sizeof(float);
  static int32_t acc[TFP_MAX_BATCH * kWidth];
  const tfp_output_s8 to_s8 = {(int32_t)(random_bits() % 100) - 50, -100, 90};
  tfp_output_f32 to_f32[TFP_MAX_BATCH];
  const guarded x = guarded_new(batch * padded, at_end), factor = guarded_new(bytes, at_end);
  const guarded sums = guarded_new(bytes, at_end), bias = guarded_new(bytes, at_end);
  const guarded s8 = guarded_new(batch * width, at_end), f32 = guarded_new(batch * bytes, at_end);
  for (size_t i = 0; i < batch * padded; ++i) ((int8_t *)x.data)[i] = (int8_t)random_bits();
  for (size_t i = 0; i < width; ++i) {
    /* Ties, and products far beyond the ends. */
    ((float *)factor.data)[i] = i % 3 == 0 ? 0x1p-9f : i % 3 == 1 ? 100.0f : 0x1.8p-12f;
    ((int32_t *)sums.data)[i] = (int32_t)(random_bits() % 2000) - 1000;
    ((float *)bias.data)[i] = random_float((uint32_t)-4, 3);
  }
  for (size_t n = 0; n < batch; ++n) {
    const tfp_affine levels = {0x1p-5f + (float)n * 0x1p-7f, (int32_t)(random_bits() % 256) - 128};
    to_f32[n] = (tfp_output_f32){levels, -40.0f, 1000.0f};
  }
  const tfp_row_parameters rows = {sums.data, factor.data, bias.data};
  variant->gemm(packed, blocks, depth, batch, x.data, (ptrdiff_t)padded, acc, width);
  if (variant->gemm_s8 != NULL) {
    variant->gemm_s8(packed, blocks, depth, batch, x.data, (ptrdiff_t)padded, factor.data, to_s8,
                     s8.data, width);
  }
  if (variant->gemm_f32 != NULL) {
    variant->gemm_f32(packed, blocks, depth, batch, x.data, (ptrdiff_t)padded, &rows, to_f32,
                      f32.data, width);
  }
  for (size_t n = 0; n < batch; ++n) {
    int8_t wanted_s8[kWidth];
    float wanted_f32[kWidth];
    c->output_s8(acc + n * width, factor.data, width, to_s8, wanted_s8);
    c->output_f32(acc + n * width, &rows, width, to_f32[n], wanted_f32);
    expect(variant->gemm_s8 == NULL || memcmp((int8_t *)s8.data + n * width, wanted_s8, width) == 0,
           variant->name, "gemm_s8 (depth, rows, batch)", depth, width, batch);
    expect(
        variant->gemm_f32 == NULL || memcmp((char *)f32.data + n * bytes, wanted_f32, bytes) == 0,
        variant->name, "gemm_f32 (depth, rows, batch)", depth, width, batch);
  }
  guarded_free(x);
  guarded_free(factor);
  guarded_free(sums);
  guarded_free(bias);
  guarded_free(s8);
  guarded_free(f32);
}

static void test_one_pass(const tfp_variant *variant, const tfp_variant *c, size_t rows,
                          size_t depth, bool at_end) {
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const size_t block_bytes = tfp_packed_block_bytes(variant, depth);
  const guarded packed = guarded_new(blocks * block_bytes, at_end);
  for (size_t i = 0; i < rows * depth; ++i) {
    low_weights[i] = (int8_t)((int32_t)(random_bits() % 255) - 127);
  }
  for (size_t b = 0; b < blocks; ++b) {
    const size_t row = b * TFP_ROW_BLOCK, left = rows - row;
    variant->pack(low_weights + row * depth, left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth,
                  depth, 3, (char *)packed.data + b * block_bytes);
  }
  for (size_t batch = 1; batch <= TFP_MAX_BATCH; ++batch) {
    check_one_pass(variant, c, packed.data, blocks * TFP_ROW_BLOCK, depth, batch, at_end);
  }
  guarded_free(packed);
}

static void test_fully_connected(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  test_low_gemms(variant, at_end);
  test_quantize(variant, c, at_end);
  test_output_s8(variant, c, at_end);
  test_output_f32(variant, c, at_end);
  static const size_t depths[] = {1, 7, 8, 12, 16, 17, 24, 33, 40, 56, 67, 320, 1400};
  const bool any = variant->gemm_s8 != NULL || variant->gemm_f32 != NULL;
  for (size_t d = 0; any && d < sizeof depths / sizeof *depths; ++d) {
    for (size_t rows = 1; rows <= kLowRows; rows += 33) {
      test_one_pass(variant, c, rows, depths[d], at_end);
    }
  }
}

#endif
