#include "tfp_factored.h"

static size_t value_size(const tfp_fully_connected_shape *shape) {
  return shape->is_float ? sizeof(float) : 1;
}

uint64_t tfp_factored_bytes(const tfp_variant *variant, const tfp_fully_connected_shape *first,
                            const tfp_fully_connected_shape *last, size_t threads) {
  tfp_arena arena = {NULL, tfp_fully_connected_bytes(variant, first, threads)};
  arena.used += tfp_fully_connected_bytes(variant, last, threads);
  tfp_arena_take(&arena, first->rows, TFP_MAX_BATCH * value_size(first));
  return arena.used;
}

void tfp_factored_prepare(tfp_factored *op, const tfp_variant *variant,
                          const tfp_fully_connected_shape *shapes, size_t threads,
                          const tfp_fully_connected_weights *weights, void *memory) {
  unsigned char *base = memory;
  const uint64_t first = tfp_fully_connected_bytes(variant, &shapes[0], threads);
  const uint64_t last = tfp_fully_connected_bytes(variant, &shapes[1], threads);
  tfp_fully_connected_prepare(&op->first, variant, &shapes[0], threads, &weights[0], base);
  tfp_fully_connected_prepare(&op->last, variant, &shapes[1], threads, &weights[1], base + first);
  op->inner = base + first + last;
}

void tfp_factored_run(const tfp_factored *op, size_t batch, const void *x, void *y,
                      const tfp_parallel *parallel) {
  const size_t size = value_size(&op->first.shape);
  const size_t x_bytes = op->first.shape.depth * size, y_bytes = op->last.shape.rows * size;
  const size_t passes = (batch + TFP_MAX_BATCH - 1) / TFP_MAX_BATCH;
  for (size_t pass = 0; pass < passes; ++pass) {
    const size_t begin = batch * pass / passes, end = batch * (pass + 1) / passes;
    tfp_fully_connected_run(&op->first, end - begin, (const unsigned char *)x + begin * x_bytes,
                            op->inner, parallel);
    tfp_fully_connected_run(&op->last, end - begin, op->inner, (unsigned char *)y + begin * y_bytes,
                            parallel);
  }
}
