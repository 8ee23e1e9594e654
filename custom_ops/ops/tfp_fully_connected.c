#include "tfp_fully_connected.h"

#include <stdio.h>
#include <string.h>

#include "tfp_unpack.h"

enum {
  kTile = 6, /* blocks: the widest tile of the kernels */
  /* Sums of one gemm call; they stay in the first-level cache until they are scaled. */
  kSums = TFP_MAX_BATCH * 4 * kTile * TFP_ROW_BLOCK,
  kChunk = 8 * kTile, /* blocks of one gemm call at most */
  /* A thread with fewer bytes of weights than this costs more than it saves. */
  kBytesPerThread = 64 * 1024,
};

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

/* Lays everything out in `arena`: with a NULL base, only measures. */
static void layout(tfp_fully_connected *op, size_t threads, tfp_arena *arena) {
  const size_t depth = op->shape.depth;
  op->kernels = tfp_get_weight_kernels(op->variant, op->shape.weight_bits);
  op->blocks = round_up(op->shape.rows, TFP_ROW_BLOCK) / TFP_ROW_BLOCK;
  op->block_bytes = tfp_packed_block_bytes_of(op->kernels, op->shape.weight_bits, depth);
  op->padded_depth = round_up(depth, op->kernels.depth_block);
  const uint64_t worth = (uint64_t)op->blocks * op->block_bytes / kBytesPerThread;
  op->threads = threads < worth ? threads : worth > 1 ? (size_t)worth : 1;
  const size_t width = op->blocks * TFP_ROW_BLOCK;
  op->packed = tfp_arena_take(arena, op->blocks, op->block_bytes);
  op->multiplier = tfp_arena_take(arena, width, sizeof(float));
  op->weight_sums = tfp_arena_take(arena, op->shape.is_float ? width : 0, sizeof(int32_t));
  op->bias = tfp_arena_take(arena, op->shape.is_float ? width : 0, sizeof(float));
  op->backwards = tfp_arena_take(arena, 1, sizeof(bool));
  op->x = tfp_arena_take(arena, op->padded_depth, TFP_MAX_BATCH);
  op->acc = tfp_arena_take(arena, op->threads, kSums * sizeof(int32_t));
  op->unpacked = tfp_arena_take(arena, op->shape.weight_bits < 8 ? depth : 0, TFP_ROW_BLOCK);
}

uint64_t tfp_fully_connected_bytes(const tfp_variant *variant,
                                   const tfp_fully_connected_shape *shape, size_t threads) {
  tfp_fully_connected op = {.variant = variant, .shape = *shape};
  tfp_arena arena = {NULL, 0};
  layout(&op, threads, &arena);
  return arena.used;
}

static float row_scale(const tfp_fully_connected_weights *weights, size_t row) {
  return weights->scales[weights->scale_count > 1 ? row : 0];
}

/* False for NaN and infinity too. */
static bool in_range(float scale) {
  return scale >= 0x1p-40f && scale <= 0x1p+40f;
}

/* What turns a sum into levels of y. XNNPACK's order of operations. */
static float row_multiplier(const tfp_fully_connected_weights *weights, size_t row) {
  return weights->x.scale * row_scale(weights, row) / weights->y_scale;
}

static bool check_rows(const tfp_fully_connected_shape *shape,
                       const tfp_fully_connected_weights *weights, char *error, size_t error_size) {
  for (size_t row = 0; row < shape->rows; ++row) {
    const float scale = row_scale(weights, row);
    if (!in_range(scale)) {
      snprintf(error, error_size, "weights: the scale of row %lu is %g, out of [2^-40, 2^40]",
               (unsigned long)row, (double)scale);
      return false;
    }
    const float multiplier = shape->is_float ? 1.0f : row_multiplier(weights, row);
    if (!(multiplier >= 0x1p-32f && multiplier < 256.0f)) {
      snprintf(error, error_size,
               "weights: x scale * scale / y scale of row %lu is %g, out of [2^-32, 256)",
               (unsigned long)row, (double)multiplier);
      return false;
    }
  }
  return true;
}

bool tfp_fully_connected_check(const tfp_fully_connected_shape *shape,
                               const tfp_fully_connected_weights *weights, char *error,
                               size_t error_size) {
  if (!shape->is_float && (!in_range(weights->x.scale) || weights->x.zero_point < INT8_MIN ||
                           weights->x.zero_point > INT8_MAX)) {
    snprintf(error, error_size, "x: scale %g or zero point %ld is out of range",
             (double)weights->x.scale, (long)weights->x.zero_point);
    return false;
  }
  if (!shape->is_float && (!in_range(weights->y_scale) || weights->y.zero_point < INT8_MIN ||
                           weights->y.zero_point > INT8_MAX)) {
    snprintf(error, error_size, "y: scale %g or zero point %ld is out of range",
             (double)weights->y_scale, (long)weights->y.zero_point);
    return false;
  }
  if (!check_rows(shape, weights, error, error_size)) return false;
  if (shape->weight_bits != 8) return true;
  for (size_t row = 0; row < shape->rows; ++row) {
    const uint8_t *values = weights->values + row * shape->depth;
    bool low = false;
    for (size_t k = 0; k < shape->depth; ++k) low |= values[k] == 0x80;
    if (low) {
      snprintf(error, error_size, "weights: row %lu holds -128; weights must lie in [-127, 127]",
               (unsigned long)row);
      return false;
    }
  }
  return true;
}

/* Rows `first` to `first + rows` of the weights, one number a byte. */
static const int8_t *rows_of(const tfp_fully_connected *op,
                             const tfp_fully_connected_weights *weights, size_t first,
                             size_t rows) {
  const size_t depth = op->shape.depth;
  const unsigned bits = (unsigned)op->shape.weight_bits;
  if (bits == 8) return (const int8_t *)weights->values + first * depth;
  for (size_t row = 0; row < rows; ++row) {
    tfp_unpack(weights->values, (first + row) * weights->row_numbers, depth, bits,
               op->unpacked + row * depth);
  }
  return op->unpacked;
}

static int32_t sum_of(const int8_t *w, size_t depth) {
  int32_t sum = 0;
  for (size_t k = 0; k < depth; ++k) sum += w[k];
  return sum;
}

/* The parameters of `rows` rows from `first` on; an int8 op adds its bias before it scales. */
static void fill_parameters(const tfp_fully_connected *op,
                            const tfp_fully_connected_weights *weights, const int8_t *values,
                            size_t first, size_t rows, unsigned char *block) {
  uint32_t start[TFP_ROW_BLOCK];
  memcpy(start, block, sizeof start);
  for (size_t i = 0; i < rows; ++i) {
    const size_t row = first + i;
    if (op->shape.is_float) {
      const float bias = weights->bias != NULL ? ((const float *)weights->bias)[row] : 0.0f;
      op->multiplier[row] = row_scale(weights, row);
      op->weight_sums[row] = sum_of(values + i * op->shape.depth, op->shape.depth);
      op->bias[row] = bias;
    } else {
      op->multiplier[row] = row_multiplier(weights, row);
      if (weights->bias != NULL) start[i] += (uint32_t)((const int32_t *)weights->bias)[row];
    }
  }
  memcpy(block, start, sizeof start);
}

void tfp_fully_connected_prepare(tfp_fully_connected *op, const tfp_variant *variant,
                                 const tfp_fully_connected_shape *shape, size_t threads,
                                 const tfp_fully_connected_weights *weights, void *memory) {
  *op = (tfp_fully_connected){.variant = variant,
                              .shape = *shape,
                              .y = weights->y,
                              .y_low = weights->y_low,
                              .y_high = weights->y_high};
  tfp_arena arena = {memory, 0};
  layout(op, threads, &arena);
  memset(memory, 0, (size_t)arena.used);
  unsigned char *block = op->packed;
  for (size_t row = 0; row < shape->rows; row += TFP_ROW_BLOCK, block += op->block_bytes) {
    const size_t left = shape->rows - row, rows = left < TFP_ROW_BLOCK ? left : TFP_ROW_BLOCK;
    const int8_t *values = rows_of(op, weights, row, rows);
    op->kernels.pack(values, rows, shape->depth, shape->depth,
                     shape->is_float ? 0 : weights->x.zero_point, block);
    fill_parameters(op, weights, values, row, rows, block);
  }
}

/* Up to TFP_MAX_BATCH vectors, as int8, and where their results go. */
typedef struct fc_job {
  const tfp_fully_connected *op;
  size_t batch;
  const int8_t *x;
  ptrdiff_t x_stride;
  tfp_affine levels[TFP_MAX_BATCH]; /* where is_float */
  void *y;
  size_t threads;
  bool backwards;
} fc_job;

/* Scales `count` sums, a multiple of 16, of each vector from `row` on, and writes them to `y`. */
static void scale(const fc_job *job, const int32_t *acc, size_t acc_stride, size_t row,
                  size_t count, void *y, size_t y_stride) {
  const tfp_fully_connected *op = job->op;
  if (op->shape.is_float) {
    const tfp_row_parameters rows = {op->weight_sums + row, op->multiplier + row, op->bias + row};
    const tfp_output_f32 to = {job->levels, op->y_low, op->y_high};
    op->variant->output_f32(acc, acc_stride, job->batch, &rows, count, &to, y, y_stride);
    return;
  }
  for (size_t n = 0; n < job->batch; ++n) {
    op->variant->output_s8(acc + n * acc_stride, op->multiplier + row, count, op->y,
                           (int8_t *)y + n * y_stride);
  }
}

/* The results of one gemm call; the last block may have rows that are not there. */
static void write_rows(const fc_job *job, const int32_t *acc, size_t row, size_t width) {
  const tfp_fully_connected *op = job->op;
  const size_t size = op->shape.is_float ? sizeof(float) : 1;
  const size_t left = op->shape.rows - row, whole = left < width ? width - TFP_ROW_BLOCK : width;
  unsigned char *y = (unsigned char *)job->y + row * size;
  if (whole > 0) scale(job, acc, width, row, whole, y, op->shape.rows);
  if (whole == width) return;
  float last[TFP_MAX_BATCH * TFP_ROW_BLOCK];
  scale(job, acc + whole, width, row + whole, TFP_ROW_BLOCK, last, TFP_ROW_BLOCK);
  for (size_t n = 0; n < job->batch; ++n) {
    memcpy(y + (n * op->shape.rows + whole) * size,
           (unsigned char *)last + n * TFP_ROW_BLOCK * size, (left - whole) * size);
  }
}

/* Whether the variant writes whole blocks of results without a stop in memory. */
static bool has_direct(const tfp_fully_connected *op) {
  if (op->shape.weight_bits != 8) return false;
  return op->shape.is_float ? op->variant->gemm_output_f32 != NULL
                            : op->variant->gemm_output_s8 != NULL;
}

/* `blocks` whole blocks from `block` on. */
static void run_direct(const fc_job *job, size_t block, size_t blocks) {
  const tfp_fully_connected *op = job->op;
  const tfp_variant *variant = op->variant;
  const unsigned char *packed = op->packed + block * op->block_bytes;
  const size_t row = block * TFP_ROW_BLOCK, depth = op->shape.depth, stride = op->shape.rows;
  if (op->shape.is_float) {
    const tfp_row_parameters rows = {op->weight_sums + row, op->multiplier + row, op->bias + row};
    const tfp_output_f32 to = {job->levels, op->y_low, op->y_high};
    variant->gemm_output_f32(packed, blocks, depth, job->batch, job->x, job->x_stride, &rows, &to,
                             (float *)job->y + row, stride);
  } else {
    variant->gemm_output_s8(packed, blocks, depth, job->batch, job->x, job->x_stride,
                            op->multiplier + row, &op->y, (int8_t *)job->y + row, stride);
  }
}

/* The results of `blocks` blocks from `block` on; the last of them may have rows that are not
 * there. */
static void run_blocks(const fc_job *job, size_t block, size_t blocks, int32_t *acc) {
  const tfp_fully_connected *op = job->op;
  const size_t whole = op->shape.rows / TFP_ROW_BLOCK;
  if (has_direct(op) && block < whole) {
    const size_t direct = whole - block < blocks ? whole - block : blocks;
    run_direct(job, block, direct);
    block += direct;
    blocks -= direct;
  }
  if (blocks == 0) return;
  op->kernels.gemm(op->packed + block * op->block_bytes, blocks, op->shape.depth, job->batch,
                   job->x, job->x_stride, acc, blocks * TFP_ROW_BLOCK);
  write_rows(job, acc, block * TFP_ROW_BLOCK, blocks * TFP_ROW_BLOCK);
}

/* The part of the rows that belongs to thread `i`: always the same, so the memory stays near. */
static void run_part(void *context, size_t i) {
  const fc_job *job = context;
  const tfp_fully_connected *op = job->op;
  const size_t fair = round_up((op->blocks + job->threads - 1) / job->threads, kTile);
  const size_t most = kSums / TFP_ROW_BLOCK / job->batch / kTile * kTile;
  size_t chunk = most < kChunk ? most : kChunk;
  if (chunk > fair) chunk = fair;
  const size_t chunks = (op->blocks + chunk - 1) / chunk;
  const size_t first = chunks * i / job->threads, end = chunks * (i + 1) / job->threads;
  int32_t *acc = op->acc + i * kSums;
  for (size_t c = first; c < end; ++c) {
    const size_t block = (job->backwards ? end - 1 - (c - first) : c) * chunk;
    const size_t left = op->blocks - block, blocks = left < chunk ? left : chunk;
    run_blocks(job, block, blocks, acc);
  }
}

/* Sets the vectors of a job: quantized, or padded where the kernel would read past their ends. */
static void set_vectors(fc_job *job, const void *x) {
  const tfp_fully_connected *op = job->op;
  const size_t depth = op->shape.depth, padded = op->padded_depth;
  job->x = op->x;
  job->x_stride = (ptrdiff_t)padded;
  if (op->shape.is_float) {
    for (size_t n = 0; n < job->batch; ++n) {
      job->levels[n] =
          op->variant->quantize((const float *)x + n * depth, depth, op->x + n * padded);
    }
  } else if (padded == depth) {
    job->x = x;
  } else {
    for (size_t n = 0; n < job->batch; ++n) {
      memcpy(op->x + n * padded, (const int8_t *)x + n * depth, depth);
    }
  }
}

void tfp_fully_connected_run(const tfp_fully_connected *op, size_t batch, const void *x, void *y,
                             const tfp_parallel *parallel) {
  const size_t size = op->shape.is_float ? sizeof(float) : 1;
  const size_t passes = (batch + TFP_MAX_BATCH - 1) / TFP_MAX_BATCH;
  for (size_t pass = 0; pass < passes; ++pass) {
    /* 9 vectors are 4 and 5, not 8 and 1. */
    const size_t first = batch * pass / passes, end = batch * (pass + 1) / passes;
    fc_job job = {.op = op, .batch = end - first};
    job.threads = parallel->threads < op->threads ? parallel->threads : op->threads;
    job.y = (unsigned char *)y + first * op->shape.rows * size;
    /* Every second pass goes through the rows backwards: those used last are still in a cache that
     * cannot hold them all. */
    job.backwards = *op->backwards;
    *op->backwards = !job.backwards;
    set_vectors(&job, (const unsigned char *)x + first * op->shape.depth * size);
    if (job.threads > 1) {
      parallel->run(parallel->pool, run_part, &job, job.threads);
    } else {
      run_part(&job, 0);
    }
  }
}
