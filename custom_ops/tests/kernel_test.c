/* Every kernel of every variant against plain loops and the portable variant, bit for bit, in
 * buffers with a guard page at either end. Runs anywhere, under an emulator too.
 *
 *   kernel_test             all variants that this processor can run
 *   kernel_test NAME        one of them
 *   kernel_test --best      prints the variant that "auto" chooses
 *   kernel_test --run NAME  runs that gemm even where the processor lacks its instructions
 */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#include <stdint.h>
#include <string.h>

#include "../kernels/tfp_kernels.h"
#include "check.h"
#include "fully_connected_check.h"
#include "gate_check.h"
#include "guarded.h"
#include "lstm_check.h"
#include "sparse_gemm_check.h"

enum {
  kMaxBatch = TFP_MAX_BATCH,
  kMaxDepth = 336,
  kMaxRows = 7 * TFP_ROW_BLOCK,
};

/* A weight and a value of x, at random or at an extreme. */
typedef enum filling { kRandom, kLowest, kHighest, kAlternating, kFillings } filling;

/* `lowest` is -127, or -128 for kernels that take it. */
static int8_t weight(filling fill, size_t k, int32_t lowest) {
  if (fill == kRandom)
    return (int8_t)((int32_t)(random_bits() % (uint32_t)(128 - lowest)) + lowest);
  return (int8_t)(fill == kLowest || (fill == kAlternating && k % 2 == 0) ? lowest : 127);
}

static int8_t input(filling fill, size_t k) {
  if (fill == kRandom) return (int8_t)(random_bits() & 0xff);
  return fill == kHighest || (fill == kAlternating && k % 2 == 1) ? 127 : -128;
}

static int8_t weights[kMaxRows * kMaxDepth];
static int8_t columns[kMaxBatch * kMaxDepth];
static int32_t sums[kMaxBatch * kMaxRows];

static void fill_and_multiply(filling fill, size_t rows, size_t depth, int32_t zero_point,
                              int32_t lowest) {
  for (size_t i = 0; i < rows * depth; ++i) weights[i] = weight(fill, i, lowest);
  for (size_t i = 0; i < kMaxBatch * depth; ++i) columns[i] = input(fill, i);
  for (size_t n = 0; n < kMaxBatch; ++n) {
    for (size_t row = 0; row < kMaxRows; ++row) {
      int32_t sum = 0;
      for (size_t k = 0; row < rows && k < depth; ++k) {
        sum += weights[row * depth + k] * (columns[n * depth + k] - zero_point);
      }
      sums[n * kMaxRows + row] = sum;
    }
  }
}

static guarded packed_weights(const tfp_variant *variant, size_t rows, size_t depth,
                              int32_t zero_point, bool at_end) {
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const size_t block_bytes = tfp_packed_block_bytes(&variant->s8, depth);
  const guarded source = guarded_new(rows * depth, at_end);
  const guarded packed = guarded_new(blocks * block_bytes, at_end);
  memcpy(source.data, weights, rows * depth);
  memset(packed.data, 0x55, blocks * block_bytes);
  for (size_t b = 0; b < blocks; ++b) {
    const size_t row = b * TFP_ROW_BLOCK, left = rows - row;
    tfp_pack_block(&variant->s8, packed.data, blocks, b, (const int8_t *)source.data + row * depth,
                   left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK, depth, depth, zero_point);
  }
  guarded_free(source);
  return packed;
}

/* `backwards` walks through the columns with a negative stride. */
static void check_gemm(const tfp_variant *variant, const void *packed, size_t blocks, size_t depth,
                       size_t batch, bool at_end, bool backwards) {
  const size_t mask = variant->s8.depth_block - 1, padded = (depth + mask) & ~mask;
  const size_t width = blocks * TFP_ROW_BLOCK;
  const guarded x = guarded_new(batch * padded, at_end);
  const guarded acc = guarded_new(batch * width * sizeof(int32_t), at_end);
  int8_t *first = x.data;
  memset(first, 77, batch * padded); /* what is past the depth must not count */
  for (size_t n = 0; n < batch; ++n) {
    const size_t at = backwards ? batch - 1 - n : n;
    memcpy(first + at * padded, columns + n * depth, depth);
  }
  memset(acc.data, 0x33, batch * width * sizeof(int32_t));
  const ptrdiff_t stride = backwards ? -(ptrdiff_t)padded : (ptrdiff_t)padded;
  variant->s8.gemm(packed, blocks, depth, batch, first + (backwards ? (batch - 1) * padded : 0),
                   stride, acc.data, width);
  for (size_t n = 0; n < batch; ++n) {
    const int32_t *got = (const int32_t *)acc.data + n * width;
    expect(memcmp(got, sums + n * kMaxRows, width * sizeof *got) == 0, variant->name,
           "gemm (depth, rows, batch)", depth, width, batch);
  }
  guarded_free(x);
  guarded_free(acc);
}

static void test_gemm(const tfp_variant *variant, filling fill, size_t rows, size_t depth,
                      int32_t zero_point) {
  fill_and_multiply(fill, rows, depth, zero_point, variant->takes_minus_128 ? -128 : -127);
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  for (int at_end = 0; at_end < 2; ++at_end) {
    const guarded packed = packed_weights(variant, rows, depth, zero_point, at_end != 0);
    for (size_t batch = 1; batch <= kMaxBatch; ++batch) {
      check_gemm(variant, packed.data, blocks, depth, batch, at_end != 0, batch % 2 == 0);
    }
    guarded_free(packed);
  }
}

static void test_all_gemms(const tfp_variant *variant) {
  static const size_t depths[] = {1,  2,  3,  4,  5,  7,  8,  9,  12, 15,  16, 17,
                                  24, 31, 32, 33, 40, 48, 64, 67, 80, 130, 320};
  static const size_t rows[] = {1, 15, 16, 17, 40, 48, 100};
  for (size_t d = 0; d < sizeof depths / sizeof *depths; ++d) {
    const size_t count = depths[d] < 200 ? sizeof rows / sizeof *rows : 2;
    for (size_t r = 0; r < count; ++r) {
      test_gemm(variant, kRandom, rows[r], depths[d], (int32_t)(random_bits() % 256) - 128);
    }
  }
  for (filling fill = kLowest; fill < kFillings; ++fill) {
    for (int32_t zero_point = -128; zero_point < 128; zero_point += 85) {
      test_gemm(variant, fill, 33, 67, zero_point);
    }
  }
}

static void test_requantize(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  for (size_t count = 16; count <= 160; count += 48) {
    const guarded acc = guarded_new(count * sizeof(int32_t), at_end);
    const guarded multiplier = guarded_new(count * sizeof(float), at_end);
    const guarded got = guarded_new(count, at_end), wanted = guarded_new(count, at_end);
    for (size_t i = 0; i < count; ++i) {
      /* Small sums times a half are ties. */
      const int32_t bits = (int32_t)random_bits();
      ((int32_t *)acc.data)[i] = i % 3 == 0 ? bits % 300 : bits;
      ((float *)multiplier.data)[i] = i % 2 == 0 ? 0.5f : random_float((uint32_t)-30, 3);
    }
    variant->requantize(acc.data, multiplier.data, count, got.data);
    c->requantize(acc.data, multiplier.data, count, wanted.data);
    expect(memcmp(got.data, wanted.data, count) == 0, variant->name, "requantize", count, 0, 0);
    guarded_free(acc);
    guarded_free(multiplier);
    guarded_free(got);
    guarded_free(wanted);
  }
}

static void test_load_state(const tfp_variant *variant, const tfp_variant *c, bool at_end) {
  static const uint32_t special[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 1u,
                                     0x0da24260u, 0x21800000u, 0x80000000u, 0u,
                                     0x471c4000u, 0xc71c4000u, 0x3f000000u, 0x7fa00000u};
  for (size_t count = 1; count <= 40; ++count) {
    const size_t padded = (count + 15) / 16 * 16;
    const guarded source = guarded_new(count * sizeof(float), at_end);
    const guarded h = guarded_new(padded * sizeof(float), at_end), q = guarded_new(padded, at_end);
    float wanted_h[48];
    int8_t wanted_q[48];
    for (size_t i = 0; i < count; ++i) {
      ((float *)source.data)[i] = float_of(special[i % (sizeof special / sizeof *special)]);
    }
    variant->load_state(source.data, count, 100.0f, h.data, q.data);
    c->load_state(source.data, count, 100.0f, wanted_h, wanted_q);
    expect(memcmp(h.data, wanted_h, padded * sizeof(float)) == 0 &&
               memcmp(q.data, wanted_q, padded) == 0,
           variant->name, "load_state", count, 0, 0);
    guarded_free(source);
    guarded_free(h);
    guarded_free(q);
  }
}

/* Every 16001st float there is, those that are not numbers too. */
static void test_activation(const char *name, const char *what, tfp_activation_fn function,
                            tfp_activation_fn c) {
  enum { kCount = 4096 };
  const guarded x = guarded_new(kCount * sizeof(float), true);
  const guarded y = guarded_new(kCount * sizeof(float), true);
  static float wanted[kCount];
  for (uint64_t bits = 0; bits <= UINT32_MAX;) {
    for (size_t i = 0; i < kCount; ++i, bits += 16001) {
      ((float *)x.data)[i] = float_of((uint32_t)bits);
    }
    function(x.data, kCount, y.data);
    c(x.data, kCount, wanted);
    expect(memcmp(y.data, wanted, sizeof wanted) == 0, name, what, (size_t)bits, 0, 0);
  }
  guarded_free(x);
  guarded_free(y);
}

static void test_variant(const tfp_variant *variant) {
  const tfp_variant *c = tfp_get_variant(0);
  const size_t before = failures;
  test_all_gemms(variant);
  for (int at_end = 0; at_end < 2; ++at_end) {
    test_requantize(variant, c, at_end != 0);
    for (size_t i = 0; i < sizeof gate_kernels / sizeof *gate_kernels; ++i) {
      test_gates(&gate_kernels[i], variant, c, at_end != 0);
    }
    test_load_state(variant, c, at_end != 0);
    test_fully_connected(variant, c, at_end != 0);
    test_sparse_gemms(variant, at_end != 0);
    test_lstm(variant, c, at_end != 0);
  }
  test_activation(variant->name, "sigmoid", variant->sigmoid, c->sigmoid);
  test_activation(variant->name, "tanh", variant->tanh, c->tanh);
  printf("%s: %s\n", variant->name, failures == before ? "ok" : "FAILED");
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[argc - 1] : NULL;
  if (argc == 2 && strcmp(name, "--best") == 0) {
    puts(tfp_find_variant("auto")->name);
    return 0;
  }
  size_t tested = 0;
  for (size_t i = 0; i < tfp_variant_count(); ++i) {
    const tfp_variant *variant = tfp_get_variant(i);
    if (name != NULL && strcmp(name, variant->name) != 0) continue;
    if (argc > 2) {
      test_gemm(variant, kRandom, 16, 64, 0);
    } else if (variant->supported()) {
      test_variant(variant);
    } else {
      printf("%s: not on this processor\n", variant->name);
    }
    tested += 1;
  }
  if (tested == 0) printf("there is no variant %s\n", name);
  return failures == 0 && tested > 0 ? 0 : 1;
}
