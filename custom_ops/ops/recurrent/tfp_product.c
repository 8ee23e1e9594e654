#include "tfp_product.h"

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

void tfp_product_layout(tfp_product *product, const tfp_variant *variant,
                        const tfp_product_shape *shape, tfp_arena *arena) {
  TFP_ASSERT(shape->depth > 0 && shape->units > 0 && shape->gates > 0);
  TFP_ASSERT(shape->batch > 0 && shape->batch <= TFP_MAX_BATCH);
  TFP_ASSERT(shape->planes > 0 && shape->planes <= TFP_MAX_PLANES);
  TFP_ASSERT(shape->planes == 1 || shape->rank == 0);
  const size_t unit_blocks = round_up(shape->units, TFP_ROW_BLOCK) / TFP_ROW_BLOCK;
  const size_t last_depth = shape->rank > 0 ? shape->rank : shape->depth;
  const int *bits = shape->weight_bits;
  *product = (tfp_product){.shape = *shape, .inner_width = round_up(shape->rank, TFP_ROW_BLOCK)};
  const tfp_matrix *matrices = shape->matrices;
  const size_t two = shape->rank > 0;
  const tfp_weight_format last = tfp_format_of(&matrices[two], bits[two]);
  product->last = tfp_packed_layout(variant, &last, last_depth, unit_blocks * shape->gates, arena);
  for (size_t i = 0; i + 1 < shape->planes; ++i) {
    product->more[i] =
        tfp_packed_layout(variant, &last, last_depth, unit_blocks * shape->gates, arena);
  }
  bool is_plain = last.bits == 8 && !last.is_sparse;
  size_t scratch = is_plain ? 0 : last_depth;
  if (shape->rank > 0) {
    const size_t width = product->inner_width;
    const tfp_weight_format first = tfp_format_of(&matrices[0], bits[0]);
    product->first = tfp_packed_layout(variant, &first, shape->depth, width / TFP_ROW_BLOCK, arena);
    product->multiplier = tfp_arena_take(arena, width, sizeof(float));
    product->inner_acc = tfp_arena_take(arena, width, shape->batch * sizeof(int32_t));
    product->inner_stride = round_up(width, product->last.kernels->depth_block);
    product->inner = tfp_arena_take(arena, product->inner_stride, shape->batch);
    is_plain = first.bits == 8 && !first.is_sparse;
    if (!is_plain && shape->depth > scratch) scratch = shape->depth;
  }
  product->row_scratch = tfp_arena_take(arena, scratch, TFP_ROW_BLOCK);
}

static size_t rows_in_block(size_t rows, size_t first) {
  return rows - first < TFP_ROW_BLOCK ? rows - first : TFP_ROW_BLOCK;
}

void tfp_product_pack(const tfp_product *product, const tfp_matrix *matrices, float scale,
                      int32_t zero_point, float inner_scale, float *row_multiplier) {
  const size_t rank = product->shape.rank, units = product->shape.units;
  const size_t rows = product->shape.gates * units, planes = product->shape.planes;
  TFP_ASSERT(matrices[0].rows == (rank > 0 ? rank : planes * rows));
  TFP_ASSERT(rank == 0 || matrices[1].rows == rows);
  const tfp_matrix *last = matrices;
  if (rank > 0) {
    const tfp_matrix *first = matrices;
    for (size_t row = 0; row < rank; row += TFP_ROW_BLOCK) {
      tfp_packed_fill(&product->first, row / TFP_ROW_BLOCK, first, row, rows_in_block(rank, row),
                      zero_point, product->row_scratch);
    }
    for (size_t row = 0; row < product->inner_width; ++row) {
      const float product_scale = row < rank ? scale * tfp_row_scale(first, row) : 0.0f;
      product->multiplier[row] = product_scale / inner_scale;
    }
    scale = inner_scale;
    zero_point = 0;
    last = matrices + 1;
  }
  for (size_t plane = 0; plane < planes; ++plane) {
    const tfp_packed *packed = tfp_product_plane(product, plane);
    size_t block = 0;
    for (size_t unit = 0; unit < units; unit += TFP_ROW_BLOCK) {
      for (size_t gate = 0; gate < product->shape.gates; ++gate, ++block) {
        tfp_packed_fill(packed, block, last, plane * rows + gate * units + unit,
                        rows_in_block(units, unit), zero_point, product->row_scratch);
      }
    }
  }
  for (size_t row = 0; row < planes * rows; ++row) {
    row_multiplier[row] = scale * tfp_row_scale(last, row);
  }
}

size_t tfp_product_padded_depth(const tfp_product *product) {
  const tfp_packed *first = product->shape.rank > 0 ? &product->first : &product->last;
  return round_up(product->shape.depth, first->kernels->depth_block);
}

/* One pass over a matrix, of which every thread does its part. */
typedef struct pass {
  const tfp_product *product;
  const tfp_packed *last;
  const tfp_variant *variant;
  size_t threads;
  size_t batch;
  const int8_t *x;
  ptrdiff_t x_stride;
  int32_t *acc;
} pass;

static void run_first(void *context, size_t i) {
  const pass *job = context;
  const tfp_product *product = job->product;
  const tfp_range range =
      tfp_split(product->first.blocks, product->first.kernels->panels[0], i, job->threads);
  const size_t width = product->inner_width, at = range.begin * TFP_ROW_BLOCK;
  const size_t count = (range.end - range.begin) * TFP_ROW_BLOCK;
  tfp_packed_multiply(&product->first, range.begin, range.end - range.begin, job->batch, job->x,
                      job->x_stride, product->inner_acc + at, width);
  for (size_t n = 0; n < job->batch; ++n) {
    job->variant->requantize(product->inner_acc + n * width + at, product->multiplier + at, count,
                             product->inner + n * product->inner_stride + at);
  }
}

const int8_t *tfp_product_inner(const tfp_product *product, const tfp_variant *variant,
                                size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                ptrdiff_t *inner_stride, const tfp_parallel *parallel) {
  *inner_stride = x_stride;
  if (product->shape.rank == 0) return x;
  pass job = {.product = product, .variant = variant, .batch = batch, .x = x, .x_stride = x_stride};
  job.threads = tfp_worthy_threads(&product->first, parallel->threads);
  tfp_share(parallel, job.threads, run_first, &job);
  *inner_stride = (ptrdiff_t)product->inner_stride;
  return product->inner;
}

static void run_last(void *context, size_t i) {
  const pass *job = context;
  const tfp_packed *last = job->last;
  const tfp_range range = tfp_split(last->blocks, last->kernels->panels[0], i, job->threads);
  tfp_packed_multiply(last, range.begin, range.end - range.begin, job->batch, job->x, job->x_stride,
                      job->acc + range.begin * TFP_ROW_BLOCK, last->blocks * TFP_ROW_BLOCK);
}

void tfp_product_last(const tfp_product *product, size_t plane, size_t batch, const int8_t *inner,
                      ptrdiff_t stride, int32_t *acc, const tfp_parallel *parallel) {
  pass job = {.last = tfp_product_plane(product, plane),
              .batch = batch,
              .x = inner,
              .x_stride = stride,
              .acc = acc};
  job.threads = tfp_worthy_threads(job.last, parallel->threads);
  tfp_share(parallel, job.threads, run_last, &job);
}
