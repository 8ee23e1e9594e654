/* What `make bench-arm` counts: one call of a kernel or of an op, between two marks.
 *
 *   guest gemm VARIANT ROWS COLUMNS BATCH   int8 weights times int8 vectors, sums in int32
 *   guest int8 VARIANT ROWS COLUMNS BATCH   the same with results in int8, as an op would have them
 *   guest gru VARIANT INPUT UNITS STEPS     the op tfpipeline.gru with plain kernels, batch 1
 *
 * Prints `weights BYTES checksum SUM`: packed bytes that the call reads, and a sum over its result
 * that is the same for every variant. All memory is static, so that addresses, and with them what
 * the model of the caches says, are the same in every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ops/tfp_recurrent.h"
#include "region.h"

enum {
  kMaxBatch = 8,      /* what the kernels of this architecture take */
  kArena = 1 << 25,   /* bytes of everything; a model of 8 million weights fits */
  kCheckedRow = 61,   /* every 61st row is checked by plain loops */
  kBlocksAtOnce = 16, /* whose sums stay in the first-level cache until they are int8 */
};

static _Alignas(TFP_ALIGNMENT) unsigned char memory[kArena];
static tfp_arena arena = {memory, 0};

static int fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  return 1;
}

/* `bytes` of zeros; ends the program where the arena is full. */
static void *take(size_t bytes) {
  if (bytes > kArena - arena.used) exit(fail("the sizes are too large for this program"));
  return tfp_arena_take(&arena, bytes, 1);
}

static uint32_t state = 1;

static int8_t *random_bytes(size_t count, size_t readable) {
  int8_t *out = take(readable);
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = (int8_t)((int)(state >> 24) % 255 - 127);
  }
  return out;
}

static float *same_floats(size_t count, float value) {
  float *out = take(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) out[i] = value;
  return out;
}

static uint32_t checksum(const void *data, size_t bytes) {
  const unsigned char *at = data;
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < bytes; ++i) sum = (sum ^ at[i]) * 16777619u;
  return sum;
}

/* A gemm call for each few blocks, whose sums are then requantized. */
static void multiply_to_int8(const tfp_variant *variant, const unsigned char *packed, size_t blocks,
                             size_t depth, size_t batch, const int8_t *x, size_t x_stride,
                             int32_t *acc, const float *multiplier, int8_t *out) {
  const size_t block_bytes = tfp_packed_block_bytes(variant, depth);
  const size_t acc_stride = kBlocksAtOnce * TFP_ROW_BLOCK;
  for (size_t b = 0; b < blocks; b += kBlocksAtOnce) {
    const size_t now = blocks - b < kBlocksAtOnce ? blocks - b : kBlocksAtOnce;
    const size_t row = b * TFP_ROW_BLOCK;
    variant->gemm(packed + b * block_bytes, now, depth, batch, x, (ptrdiff_t)x_stride, acc,
                  acc_stride);
    for (size_t n = 0; n < batch; ++n) {
      variant->requantize(acc + n * acc_stride, multiplier + row, now * TFP_ROW_BLOCK,
                          out + n * blocks * TFP_ROW_BLOCK + row);
    }
  }
}

static int run_gemm(const tfp_variant *variant, size_t rows, size_t depth, size_t batch,
                    bool to_int8) {
  if (batch > kMaxBatch || rows % TFP_ROW_BLOCK != 0) {
    return fail("expected a batch of at most 8 and rows in blocks of 16");
  }
  const size_t blocks = rows / TFP_ROW_BLOCK, block_bytes = tfp_packed_block_bytes(variant, depth);
  const size_t padded = (depth + variant->depth_block - 1) & ~(variant->depth_block - 1);
  const int8_t *weights = random_bytes(rows * depth, rows * depth);
  const int8_t *x = random_bytes(batch * padded, batch * padded);
  unsigned char *packed = take(blocks * block_bytes);
  int32_t *acc = take(batch * rows * sizeof(int32_t));
  for (size_t b = 0; b < blocks; ++b) {
    variant->pack(weights + b * TFP_ROW_BLOCK * depth, TFP_ROW_BLOCK, depth, depth, 0,
                  packed + b * block_bytes);
  }
  if (to_int8) {
    const float *multiplier = same_floats(rows, 0x1p-10f);
    int8_t *out = take(batch * rows);
    REGION_BEGIN();
    multiply_to_int8(variant, packed, blocks, depth, batch, x, padded, acc, multiplier, out);
    REGION_END();
    printf("weights %zu checksum %08x\n", blocks * block_bytes,
           (unsigned)checksum(out, batch * rows));
    return 0;
  }
  REGION_BEGIN();
  variant->gemm(packed, blocks, depth, batch, x, (ptrdiff_t)padded, acc, rows);
  REGION_END();
  for (size_t row = 0; row < rows; row += kCheckedRow) {
    for (size_t n = 0; n < batch; ++n) {
      int32_t sum = 0;
      for (size_t k = 0; k < depth; ++k) sum += weights[row * depth + k] * x[n * padded + k];
      if (sum != acc[n * rows + row]) return fail("a product is wrong");
    }
  }
  printf("weights %zu checksum %08x\n", blocks * block_bytes,
         (unsigned)checksum(acc, batch * rows * sizeof(int32_t)));
  return 0;
}

static tfp_matrix random_matrix(size_t rows, size_t depth) {
  return (tfp_matrix){random_bytes(rows * depth, rows * depth), same_floats(rows, 0x1p-11f), rows,
                      depth};
}

static int run_gru(const tfp_variant *variant, size_t depth, size_t units, size_t steps) {
  const tfp_recurrent_options options = {.units = (uint32_t)units,
                                         .input_dim = (uint32_t)depth,
                                         .scale_a_x = 1.0f,
                                         .scale_a_h = 1.0f,
                                         .scale_h = 0x1p-7f,
                                         .return_sequences = true,
                                         .recurrent_activation = TFP_SIGMOID,
                                         .activation = TFP_TANH,
                                         .steps_at_once = 4,
                                         .weight_bits = {8, 8, 8, 8}};
  const tfp_recurrent_weights weights = {.kernel = {random_matrix(3 * units, depth)},
                                         .recurrent = {random_matrix(3 * units, units)},
                                         .bias = same_floats(6 * units, 0.125f),
                                         .x_scale = 0x1p-5f};
  const int8_t *x = random_bytes(steps * depth, steps * depth);
  const float *h0 = same_floats(units, 0.0f);
  float *h = same_floats(units, 0.0f);
  int8_t *y = take(steps * units);
  void *block = take(tfp_recurrent_bytes(variant, &tfp_cell_gru, &options));
  tfp_recurrent gru;
  char error[320] = "";
  if (!tfp_recurrent_prepare(&gru, variant, &tfp_cell_gru, &options, &weights, block, error,
                             sizeof error)) {
    return fail(error);
  }
  const tfp_recurrent_io io = {.batch = 1,
                               .time = steps,
                               .x = x,
                               .first = (const float *const[]){h0},
                               .y = y,
                               .last = (float *const[]){h}};
  const tfp_parallel alone = {.threads = 1};
  REGION_BEGIN();
  tfp_recurrent_run(&gru, &io, &alone);
  REGION_END();
  const size_t blocks = (3 * units + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const size_t bytes =
      blocks * (tfp_packed_block_bytes(variant, depth) + tfp_packed_block_bytes(variant, units));
  printf("weights %zu checksum %08x\n", bytes,
         (unsigned)(checksum(y, steps * units) ^ checksum(h, units * sizeof(float))));
  return 0;
}

int main(int count, char **arguments) {
  if (count != 6) return fail("usage: guest gemm|int8|gru VARIANT SIZE SIZE SIZE");
  const tfp_variant *variant = tfp_find_variant(arguments[2]);
  if (variant == NULL) return fail("this processor has no such variant");
  size_t sizes[3];
  for (int i = 0; i < 3; ++i) {
    sizes[i] = strtoul(arguments[3 + i], NULL, 10);
    if (sizes[i] < 1 || sizes[i] > 1 << 16) return fail("expected sizes from 1 to 65536");
  }
  const char *what = arguments[1];
  if (strcmp(what, "gru") == 0) return run_gru(variant, sizes[0], sizes[1], sizes[2]);
  const bool to_int8 = strcmp(what, "int8") == 0;
  if (!to_int8 && strcmp(what, "gemm") != 0) return fail("expected gemm, int8 or gru");
  return run_gemm(variant, sizes[0], sizes[1], sizes[2], to_int8);
}
