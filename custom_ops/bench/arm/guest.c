/* What `make bench-arm` counts: one call of a kernel or of an op, between two marks.
 *
 *   guest gemm VARIANT ROWS COLUMNS BATCH   int8 weights times int8 vectors, sums in int32
 *   guest int8 VARIANT ROWS COLUMNS BATCH   the same with results in int8, as an op would have them
 *   guest int4|int2 ...                     likewise with weights of 4 and 2 bits
 *   guest sparse ...                        sums in int32, 7 of 10 tiles of 8x4 weights are zeros
 *   guest float ...                         int8 weights, vectors and results in float32
 *   guest CELL VARIANT INPUT UNITS STEPS    the op tfpipeline.CELL, plain kernels, batch 1
 *   guest CELL:BITS ...                     the same with ternary weights of 8, 4 or 2 bits
 *
 * Prints `weights BYTES checksum SUM`: packed bytes that the call reads, and a sum over its result
 * that is the same for every variant. All memory is static, so that addresses, and with them what
 * the model of the caches says, are the same in every run. */
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

/* Ternary weights as the file has them; the same ones whatever the bits. */
static tfp_matrix ternary_matrix(size_t rows, size_t depth, int bits) {
  const size_t row_bytes = tfp_row_bytes(depth, bits), per_byte = 8 / (size_t)bits;
  uint8_t *values = take(rows * row_bytes);
  const int8_t *numbers = random_bytes(rows * depth, rows * depth);
  for (size_t i = 0; i < rows * depth; ++i) {
    const size_t row = i / depth, k = i % depth;
    const unsigned value = (unsigned)((numbers[i] & 3) % 3 - 1) & ((1u << bits) - 1u);
    values[row * row_bytes + k / per_byte] |= (uint8_t)(value << (k % per_byte * (size_t)bits));
  }
  return (tfp_matrix){.values = (const int8_t *)values,
                      .scales = same_floats(rows, 0x1p-5f),
                      .rows = rows,
                      .depth = depth};
}

static tfp_matrix random_matrix(size_t rows, size_t depth, int ternary_bits) {
  if (ternary_bits > 0) return ternary_matrix(rows, depth, ternary_bits);
  return (tfp_matrix){.values = random_bytes(rows * depth, rows * depth),
                      .scales = same_floats(rows, 0x1p-11f),
                      .rows = rows,
                      .depth = depth};
}

static int run_recurrent(const tfp_variant *variant, const tfp_cell *cell, int ternary_bits,
                         size_t depth, size_t units, size_t steps) {
  const int bits = ternary_bits > 0 ? ternary_bits : 8;
  const tfp_recurrent_options options = {.units = (uint32_t)units,
                                         .input_dim = (uint32_t)depth,
                                         .scale_a_x = 1.0f,
                                         .scale_a_h = 1.0f,
                                         .scale_h = 0x1p-7f,
                                         .return_sequences = true,
                                         .recurrent_activation = 1,
                                         .activation = 1,
                                         .window = 1,
                                         .steps_at_once = 4,
                                         .planes_x = 1,
                                         .planes_h = 1,
                                         .weight_bits = {bits, 8, bits, 8}};
  const size_t rows = cell->gates * units;
  const tfp_recurrent_weights weights = {
      .kernel = {random_matrix(rows, depth, ternary_bits)},
      .recurrent = {random_matrix(rows, units, ternary_bits)},
      .bias = same_floats(tfp_cell_stored_rows(cell) * rows, 0.125f),
      .x_scale = 0x1p-5f};
  const int8_t *x = random_bytes(steps * depth, steps * depth);
  const float *first[TFP_MAX_STATES] = {NULL};
  float *last[TFP_MAX_STATES] = {NULL};
  for (size_t i = 0; i < cell->states; ++i) {
    first[i] = same_floats(units, 0.0f);
    last[i] = same_floats(units, 0.0f);
  }
  int8_t *y = take(steps * units);
  void *block = take(tfp_recurrent_bytes(variant, cell, &options, &weights));
  tfp_recurrent op;
  char error[320] = "";
  if (!tfp_recurrent_prepare(&op, variant, cell, &options, &weights, block, error, sizeof error)) {
    return fail(error);
  }
  const tfp_recurrent_io io = {
      .batch = 1, .time = steps, .x = x, .first = first, .y = y, .last = last};
  const tfp_parallel alone = {.threads = 1};
  REGION_BEGIN();
  tfp_recurrent_run(&op, &io, &alone);
  REGION_END();
  const size_t blocks = (rows + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  const tfp_weight_kernels *kernels = tfp_get_weight_kernels(variant, bits);
  const size_t bytes =
      blocks * (tfp_packed_block_bytes(kernels, depth) + tfp_packed_block_bytes(kernels, units));
  uint32_t sum = checksum(y, steps * units);
  for (size_t i = 0; i < cell->states; ++i) sum ^= checksum(last[i], units * sizeof(float));
  printf("weights %zu checksum %08x\n", bytes, (unsigned)sum);
  return 0;
}

/* Bits behind the name of a cell, 0 where there are none, -1 where `what` is another name. */
static int bits_behind(const char *what, const char *name) {
  const size_t length = strlen(name);
  if (strncmp(what, name, length) != 0) return -1;
  const char *const bits = what + length;
  if (bits[0] == '\0') return 0;
  return strlen(bits) == 2 && bits[0] == ':' && strchr("842", bits[1]) ? bits[1] - '0' : -1;
}

int main(int count, char **arguments) {
  if (count != 6) return fail("usage: guest KIND VARIANT SIZE SIZE SIZE, of a kind as above");
  const tfp_variant *variant = tfp_find_variant(arguments[2]);
  if (variant == NULL) return fail("this processor has no such variant");
  size_t sizes[3];
  for (int i = 0; i < 3; ++i) {
    sizes[i] = strtoul(arguments[3 + i], NULL, 10);
    if (sizes[i] < 1 || sizes[i] > 1 << 16) return fail("expected sizes from 1 to 65536");
  }
  const char *what = arguments[1];
  for (size_t i = 0; i < tfp_cell_count(); ++i) {
    const tfp_cell *cell = tfp_cell_get(i);
    const int bits = bits_behind(what, strchr(cell->name, '.') + 1);
    if (bits >= 0) return run_recurrent(variant, cell, bits, sizes[0], sizes[1], sizes[2]);
  }
  if (strcmp(what, "gemm") == 0) return run_gemm(variant, 8, sizes[0], sizes[1], sizes[2], kSums);
  if (strcmp(what, "sparse") == 0) return run_sparse(variant, sizes[0], sizes[1], sizes[2]);
  if (strcmp(what, "float") == 0) {
    return run_gemm(variant, 8, sizes[0], sizes[1], sizes[2], kFloat);
  }
  for (int bits = 8; bits >= 2; bits /= 2) {
    const char name[] = {'i', 'n', 't', (char)('0' + bits), '\0'};
    if (strcmp(what, name) == 0)
      return run_gemm(variant, bits, sizes[0], sizes[1], sizes[2], kInt8);
  }
  return fail("expected gemm, int8, int4, int2, float, sparse or the name of a cell");
}
