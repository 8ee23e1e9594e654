#include "tfp_fully_connected_gain.h"

#include <string.h>

enum {
  /* A node of our own costs about 0.2 microseconds where it parts what XNNPACK would run as one. */
  kLeastPicoseconds = 300 * 1000,
  /* Rows beyond the last whole block cost us a block; of uint8, up to four take as long. */
  kRowsOfUnsigned = 4 * TFP_ROW_BLOCK,
};

typedef enum layer_kind { kInt8, kFloat8, kFloat4, kUint8, kKinds } layer_kind;

/* Picoseconds a weight that a call is shorter than XNNPACK's, by kind and batch from 1 on. XNNPACK
 * computes as many vectors at once as its tile has and pads the last tile, so that the gain falls
 * up to a full tile, where it is nothing, and begins anew. */
typedef struct gains {
  const char *variant;
  uint8_t picoseconds[kKinds][TFP_MAX_BATCH];
} gains;

static const gains table[] = {
    /* Measured by custom_ops/bench/accelerate_scan.py, the tenth of layers that gain least. */
    {"avx512vnni",
     {[kInt8] = {0, 18, 17, 13, 5, 3, 0, 27},
      [kFloat8] = {0, 9, 7, 4, 0, 17, 12, 8},
      [kFloat4] = {0, 26, 22, 18, 13, 9, 4, 0},
      [kUint8] = {5, 72, 59, 45, 30, 18, 0, 86}}},
    /* Estimated: measured ratios of batch 1 to 8 on this class (docs/plugin.md), tiles of five
     * vectors, of eight where weights have 4 bits. */
    {"avxvnni",
     {[kInt8] = {0, 8, 6, 3, 0, 8, 6, 3},
      [kFloat8] = {0, 8, 6, 3, 0, 8, 6, 3},
      [kFloat4] = {0, 13, 11, 9, 6, 4, 2, 0},
      [kUint8] = {3, 36, 30, 22, 15, 9, 0, 43}}},
};

/* Estimated, for everything else, AVX2 too: by instruction counts on NEON (docs/results/arm.md),
 * where XNNPACK is at the limit of the arithmetic at 1, 4 and 8 vectors and computes 4 or 8 where
 * there are fewer; kernels of uint8 it has none. */
static const gains others = {NULL,
                             {[kInt8] = {0, 20, 10, 0, 20, 10, 5, 0},
                              [kFloat8] = {0, 20, 10, 0, 20, 10, 5, 0},
                              [kFloat4] = {0, 20, 10, 0, 20, 10, 5, 0},
                              [kUint8] = {5, 20, 20, 20, 20, 20, 20, 20}}};

static layer_kind kind_of(const tfp_fully_connected_plan *plan) {
  if (plan->is_unsigned) return kUint8;
  if (!plan->shape.is_float) return kInt8;
  return plan->shape.weight_bits == 8 ? kFloat8 : kFloat4;
}

bool tfp_fully_connected_gains(const tfp_variant *variant, const tfp_fully_connected_plan *plan) {
  /* Portable C is there to be right everywhere. */
  if (strcmp(variant->name, "c") == 0 || plan->batch < 1 || plan->batch > TFP_MAX_BATCH) {
    return false;
  }
  const gains *of = &others;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
    if (strcmp(variant->name, table[i].variant) == 0) of = &table[i];
  }
  const layer_kind kind = kind_of(plan);
  const size_t lost = kind == kUint8 ? kRowsOfUnsigned : plan->shape.rows % TFP_ROW_BLOCK;
  const size_t rows = plan->shape.rows > lost ? plan->shape.rows - lost : 0;
  const uint64_t weights = (uint64_t)rows * plan->shape.depth;
  return weights * of->picoseconds[kind][plan->batch - 1] >= kLeastPicoseconds;
}
