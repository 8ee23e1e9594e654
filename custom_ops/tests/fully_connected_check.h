/* Kernels of a fully connected layer: products with their outputs against the two in turn,
 * quantization and outputs against the portable ones. */
#ifndef TFP_TESTS_FULLY_CONNECTED_CHECK_H_
#define TFP_TESTS_FULLY_CONNECTED_CHECK_H_

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "guarded.h"
#include "low_gemm_check.h"

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

static void test_output_u8(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  /* Multiplier, left, right; the first makes ties of half the sums. */
  static const int32_t factors[][3] = {
      {1 << 30, 0, 0},    {1 << 30, 0, 3},    {1 << 30, 1, 0},          {INT32_MAX, 0, 0},
      {INT32_MAX, 31, 0}, {INT32_MAX, 0, 31}, {(1 << 30) + 12345, 0, 9}};
  static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX - 1, INT32_MAX};
  enum { kCount = 112 };
  for (size_t i = 0; i < sizeof factors / sizeof *factors; ++i) {
    for (size_t k = 0; k < 4; ++k) {
      const guarded acc = guarded_new(kCount * sizeof(int32_t), at_end);
      const guarded got = guarded_new(kCount, at_end);
      uint8_t wanted[kCount];
      for (size_t j = 0; j < kCount; ++j) {
        const int32_t bits = (int32_t)random_bits();
        ((int32_t *)acc.data)[j] = j % 16 == 0  ? edges[j / 16]
                                   : j % 3 == 0 ? bits
                                                : bits % (1 << (factors[i][2] % 24 + 9));
      }
      const tfp_output_u8 to = {.offset = k % 2 == 0 ? 0 : (int32_t)(random_bits() % 1000),
                                .multiplier = factors[i][0],
                                .left = factors[i][1],
                                .right = factors[i][2],
                                .zero_point = k < 2 ? 128 : 3,
                                .low = k < 2 ? 0 : 2,
                                .high = k < 2 ? 255 : 250};
      variant->output_u8(acc.data, kCount, to, got.data);
      c->output_u8(acc.data, kCount, to, wanted);
      expect(memcmp(got.data, wanted, kCount) == 0, variant->name, "output_u8 (factor, ends)", i, k,
             0);
      guarded_free(acc);
      guarded_free(got);
    }
  }
}

static void test_output_f32(const tfp_variant *variant, const tfp_variant *c, size_t columns,
                            bool at_end) {
  static const float ends[][2] = {{-0x1p+120f, 0x1p+120f}, {0.0f, 6.0f}, {0.0f, 0x1p+120f}};
  /* Sums and results of other rows lie between the columns. */
  enum { kCount = 48, kSumStride = kCount + 16, kStride = kCount + 1 };
  const size_t acc_count = columns * kSumStride - 16, y_bytes = (columns * kStride - 1) * 4;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
    const guarded acc = guarded_new(acc_count * sizeof(int32_t), at_end);
    const guarded sums = guarded_new(kCount * sizeof(int32_t), at_end);
    const guarded scales = guarded_new(kCount * sizeof(float), at_end);
    const guarded bias = guarded_new(kCount * sizeof(float), at_end);
    const guarded y = guarded_new(y_bytes, at_end);
    float wanted[TFP_MAX_BATCH * kStride];
    memset(y.data, 0x33, y_bytes);
    memset(wanted, 0x33, sizeof wanted);
    for (size_t k = 0; k < acc_count; ++k) {
      ((int32_t *)acc.data)[k] = k % kSumStride % 7 == 0 ? 0 : (int32_t)random_bits();
    }
    for (size_t k = 0; k < kCount; ++k) {
      ((int32_t *)sums.data)[k] = k % 7 == 0 ? 0 : (int32_t)(random_bits() % 2000000) - 1000000;
      ((float *)scales.data)[k] = random_float((uint32_t)-40, 3);
      /* A sum of 0 leaves the bias alone, which may be subnormal. */
      ((float *)bias.data)[k] =
          k % 14 == 0 ? float_of(random_bits() & 0x807fffffu) : random_float((uint32_t)-90, 3);
    }
    tfp_affine x[TFP_MAX_BATCH] = {{0x1p-7f, 0}, {0x1.8p-60f, -128}, {1.0f, 127}};
    for (size_t n = 3; n < columns; ++n) x[n] = (tfp_affine){0x1p-6f * (float)n, 9 * (int32_t)n};
    const tfp_row_parameters rows = {sums.data, scales.data, bias.data};
    const tfp_output_f32 to = {x, ends[i][0], ends[i][1]};
    variant->output_f32(acc.data, kSumStride, columns, &rows, kCount, &to, y.data, kStride);
    c->output_f32(acc.data, kSumStride, columns, &rows, kCount, &to, wanted, kStride);
    expect(memcmp(y.data, wanted, y_bytes) == 0, variant->name, "output_f32 (ends, columns)", i,
           columns, 0);
    guarded_free(acc);
    guarded_free(sums);
    guarded_free(scales);
    guarded_free(bias);
    guarded_free(y);
  }
}

enum { kWidth = (kLowRows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK * TFP_ROW_BLOCK };

/* Packs random weights for vectors with that zero point, and writes the sum of each row. */
static guarded packed_rows(const tfp_weight_kernels *kernels, size_t rows, size_t depth,
                           int32_t zero_point, int32_t *weight_sums, bool at_end) {
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const int32_t half = 1 << (kernels->bits - 1), low = kernels->bits == 8 ? -127 : -half;
  const guarded packed = guarded_new(blocks * tfp_packed_block_bytes(kernels, depth), at_end);
  memset(weight_sums, 0, blocks * TFP_ROW_BLOCK * sizeof *weight_sums);
  for (size_t i = 0; i < rows * depth; ++i) {
    low_weights[i] = (int8_t)((int32_t)(random_bits() % (uint32_t)(half - low)) + low);
    weight_sums[i / depth] += low_weights[i];
  }
  for (size_t b = 0; b < blocks; ++b) {
    const size_t row = b * TFP_ROW_BLOCK, left = rows - row;
    tfp_pack_block(kernels, packed.data, blocks, b, low_weights + row * depth,
                   left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth, depth, zero_point);
  }
  return packed;
}

/* gemm_output_s8 or, where `is_float`, gemm_output_f32 against gemm and then the portable output.
 */
static void test_gemm_output(const char *name, const tfp_weight_kernels *kernels,
                             const tfp_variant *c, bool is_float, size_t rows, size_t depth,
                             size_t batch, bool at_end) {
  const size_t padded = (depth + kernels->depth_block - 1) & ~(kernels->depth_block - 1);
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK, width = blocks * TFP_ROW_BLOCK;
  const size_t bytes = width * sizeof(float), y_bytes = batch * width * (is_float ? 4 : 1);
  const guarded x = guarded_new(batch * padded, at_end), factor = guarded_new(bytes, at_end);
  const guarded sums = guarded_new(bytes, at_end), bias = guarded_new(bytes, at_end);
  const guarded y = guarded_new(y_bytes, at_end);
  const guarded packed = packed_rows(kernels, rows, depth, is_float ? 0 : 3, sums.data, at_end);
  static int32_t acc[TFP_MAX_BATCH * kWidth];
  static float wanted[TFP_MAX_BATCH * kWidth];
  for (size_t i = 0; i < batch * padded; ++i) ((int8_t *)x.data)[i] = (int8_t)random_bits();
  for (size_t i = 0; i < width; ++i) {
    /* Ties, and products far beyond the ends. */
    ((float *)factor.data)[i] = i % 3 == 0 ? 0x1p-9f : i % 3 == 1 ? 100.0f : 0x1.8p-12f;
    ((float *)bias.data)[i] = random_float((uint32_t)-4, 3);
  }
  kernels->gemm(packed.data, blocks, depth, batch, x.data, (ptrdiff_t)padded, acc, width);
  if (is_float) {
    tfp_affine levels[TFP_MAX_BATCH];
    for (size_t n = 0; n < batch; ++n) {
      levels[n] = (tfp_affine){0x1p-5f + (float)n * 0x1p-7f, (int32_t)(random_bits() % 256) - 128};
    }
    const tfp_row_parameters parameters = {sums.data, factor.data, bias.data};
    const tfp_output_f32 to = {levels, -40.0f, 1000.0f};
    kernels->gemm_output_f32(packed.data, blocks, depth, batch, x.data, (ptrdiff_t)padded,
                             &parameters, &to, y.data, width);
    c->output_f32(acc, width, batch, &parameters, width, &to, wanted, width);
  } else {
    const tfp_output_s8 to = {(int32_t)(random_bits() % 100) - 50, -100, 90};
    kernels->gemm_output_s8(packed.data, blocks, depth, batch, x.data, (ptrdiff_t)padded,
                            factor.data, &to, y.data, width);
    for (size_t n = 0; n < batch; ++n) {
      c->output_s8(acc + n * width, factor.data, width, to, (int8_t *)wanted + n * width);
    }
  }
  expect(memcmp(y.data, wanted, y_bytes) == 0, name,
         is_float ? "gemm_output_f32 (depth, rows, batch)" : "gemm_output_s8", depth, rows, batch);
  guarded_free(x);
  guarded_free(factor);
  guarded_free(sums);
  guarded_free(bias);
  guarded_free(y);
  guarded_free(packed);
}

static void test_gemm_outputs(const char *name, const tfp_weight_kernels *kernels,
                              const tfp_variant *c, bool is_float, bool at_end) {
  static const size_t depths[] = {1, 7, 8, 12, 16, 17, 24, 33, 40, 56, 67, 320, 1400};
  for (size_t d = 0; d < sizeof depths / sizeof *depths; ++d) {
    for (size_t rows = 1; rows <= 220; rows += 73) {
      for (size_t batch = 1; batch <= TFP_MAX_BATCH; ++batch) {
        test_gemm_output(name, kernels, c, is_float, rows, depths[d], batch, at_end);
      }
    }
  }
}

static void test_fully_connected(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  test_low_gemms(variant, at_end);
  test_quantize(variant, c, at_end);
  test_output_s8(variant, c, at_end);
  test_output_u8(variant, c, at_end);
  for (size_t columns = 1; columns <= TFP_MAX_BATCH; ++columns) {
    test_output_f32(variant, c, columns, at_end);
  }
  for (int bits = 8; bits >= 2; bits /= 2) {
    const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
    if (kernels->gemm_output_s8 != NULL) {
      test_gemm_outputs(variant->name, kernels, c, false, at_end);
    }
    if (kernels->gemm_output_f32 != NULL) {
      test_gemm_outputs(variant->name, kernels, c, true, at_end);
    }
  }
}

#endif
