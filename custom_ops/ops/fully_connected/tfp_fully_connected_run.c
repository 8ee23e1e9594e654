/* The call of a prepared op: products and outputs, chunk by chunk of the rows. */
#include <string.h>

#include "tfp_fully_connected.h"

enum { kChunk = 8 * TFP_MAX_PANEL }; /* blocks of one gemm call at most */

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

/* Up to TFP_MAX_BATCH vectors, as int8, and where their results go. */
typedef struct fc_job {
  const tfp_fully_connected *op;
  size_t batch;
  const int8_t *x;
  ptrdiff_t x_stride;
  tfp_affine levels[TFP_MAX_BATCH]; /* where is_float */
  void *y;
  const tfp_sums *sums; /* NULL: the op's own output */
  size_t y_size;        /* bytes of one output */
  size_t threads;
  bool backwards;
} fc_job;

/* Scales `count` sums, a multiple of 16, of each vector from `row` on, and writes them to `y`. */
static void scale(const fc_job *job, int32_t *acc, size_t acc_stride, size_t row, size_t count,
                  void *y, size_t y_stride) {
  const tfp_fully_connected *op = job->op;
  if (op->shape.is_float) {
    const tfp_row_parameters rows = {op->weight_sums + row, op->multiplier + row, op->bias + row};
    const tfp_output_f32 to = {job->levels, op->y_low, op->y_high};
    op->variant->output_f32(acc, acc_stride, job->batch, &rows, count, &to, y, y_stride);
    return;
  }
  for (size_t n = 0; n < job->batch; ++n, acc += acc_stride) {
    unsigned char *to = (unsigned char *)y + n * y_stride * job->y_size;
    if (job->sums != NULL) {
      job->sums->write(job->sums->context, n, acc, row, count, to);
    } else {
      op->variant->output_s8(acc, op->multiplier + row, count, op->y, (int8_t *)to);
    }
  }
}

/* Whether the variant writes whole blocks of results without a stop in memory. */
static bool has_direct(const fc_job *job) {
  const tfp_fully_connected *op = job->op;
  if (job->sums != NULL) return false;
  return op->shape.is_float ? op->kernels->gemm_output_f32 != NULL
                            : op->kernels->gemm_output_s8 != NULL;
}

/* The results of `blocks` whole blocks from `block` on, those of a vector `stride` after those of
 * the one before. */
static void run_direct(const fc_job *job, size_t block, size_t blocks, void *y, size_t stride) {
  const tfp_fully_connected *op = job->op;
  const tfp_weight_kernels *kernels = op->kernels;
  const unsigned char *packed = tfp_packed_block(&op->packed, block);
  const size_t row = block * TFP_ROW_BLOCK, depth = op->shape.depth;
  if (op->shape.is_float) {
    const tfp_row_parameters rows = {op->weight_sums + row, op->multiplier + row, op->bias + row};
    const tfp_output_f32 to = {job->levels, op->y_low, op->y_high};
    kernels->gemm_output_f32(packed, blocks, depth, job->batch, job->x, job->x_stride, &rows, &to,
                             y, stride);
  } else {
    kernels->gemm_output_s8(packed, blocks, depth, job->batch, job->x, job->x_stride,
                            op->multiplier + row, &op->y, y, stride);
  }
}

/* The same for blocks of whole panels, of which the kernel makes sums or results. */
static void run_whole(const fc_job *job, size_t block, size_t blocks, int32_t *acc, void *y,
                      size_t stride) {
  const tfp_fully_connected *op = job->op;
  if (has_direct(job)) {
    run_direct(job, block, blocks, y, stride);
    return;
  }
  const size_t width = blocks * TFP_ROW_BLOCK;
  tfp_packed_multiply(&op->packed, block, blocks, job->batch, job->x, job->x_stride, acc, width);
  scale(job, acc, width, block * TFP_ROW_BLOCK, width, y, stride);
}

/* The results of `blocks` blocks from `block` on. Where the last of them has rows that are not
 * there, those of its panel go through a copy. */
static void run_blocks(const fc_job *job, size_t block, size_t blocks, int32_t *acc) {
  const tfp_fully_connected *op = job->op;
  const size_t size = job->y_size, rows = op->shape.rows;
  const bool is_cut = (block + blocks) * TFP_ROW_BLOCK > rows;
  size_t whole = blocks;
  if (is_cut) {
    whole -= tfp_packed_last_panel(&op->packed);
  }
  unsigned char *y = (unsigned char *)job->y + block * TFP_ROW_BLOCK * size;
  if (whole > 0) run_whole(job, block, whole, acc, y, rows);
  if (!is_cut) return;
  float copy[TFP_MAX_BATCH * TFP_MAX_PANEL * TFP_ROW_BLOCK];
  const size_t width = (blocks - whole) * TFP_ROW_BLOCK, row = (block + whole) * TFP_ROW_BLOCK;
  TFP_ASSERT(width <= TFP_MAX_PANEL * TFP_ROW_BLOCK);
  run_whole(job, block + whole, blocks - whole, acc, copy, width);
  y = (unsigned char *)job->y + row * size;
  for (size_t n = 0; n < job->batch; ++n) {
    memcpy(y + n * rows * size, (unsigned char *)copy + n * width * size, (rows - row) * size);
  }
}

/* The part of the rows that belongs to thread `i`: always the same, so the memory stays near. */
static void run_part(void *context, size_t i) {
  const fc_job *job = context;
  const tfp_fully_connected *op = job->op;
  const size_t panel = op->kernels->panels[0];
  const size_t fair = round_up((op->blocks + job->threads - 1) / job->threads, panel);
  const size_t most = TFP_FULLY_CONNECTED_SUMS / TFP_ROW_BLOCK / job->batch / panel * panel;
  size_t chunk = most < kChunk ? most : kChunk;
  if (chunk > fair) chunk = fair;
  const size_t chunks = (op->blocks + chunk - 1) / chunk;
  const size_t first = chunks * i / job->threads, end = chunks * (i + 1) / job->threads;
  int32_t *acc = op->acc + i * TFP_FULLY_CONNECTED_SUMS;
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

static void run_job(fc_job *job, const void *x, const tfp_parallel *parallel) {
  const tfp_fully_connected *op = job->op;
  TFP_ASSERT(job->batch > 0 && job->batch <= TFP_MAX_BATCH && x != NULL && job->y != NULL);
  TFP_ASSERT(parallel->threads > 0);
  job->threads = parallel->threads < op->threads ? parallel->threads : op->threads;
  /* Every second pass goes through the rows backwards: those used last are still in a cache that
   * cannot hold them all. */
  job->backwards = *op->backwards;
  *op->backwards = !job->backwards;
  set_vectors(job, x);
  if (job->threads > 1) {
    parallel->run(parallel->pool, run_part, job, job->threads);
  } else {
    run_part(job, 0);
  }
}

void tfp_fully_connected_run_sums(const tfp_fully_connected *op, size_t batch, const int8_t *x,
                                  void *y, const tfp_sums *sums, const tfp_parallel *parallel) {
  fc_job job = {.op = op, .batch = batch, .y = y, .sums = sums, .y_size = sums->size};
  run_job(&job, x, parallel);
}

void tfp_fully_connected_run(const tfp_fully_connected *op, size_t batch, const void *x, void *y,
                             const tfp_parallel *parallel) {
  const size_t size = op->shape.is_float ? sizeof(float) : 1;
  const size_t passes = (batch + TFP_MAX_BATCH - 1) / TFP_MAX_BATCH;
  for (size_t pass = 0; pass < passes; ++pass) {
    /* 9 vectors are 4 and 5, not 8 and 1. */
    const size_t first = batch * pass / passes, end = batch * (pass + 1) / passes;
    fc_job job = {.op = op, .batch = end - first, .y_size = size};
    job.y = (unsigned char *)y + first * op->shape.rows * size;
    run_job(&job, (const unsigned char *)x + first * op->shape.depth * size, parallel);
  }
}
