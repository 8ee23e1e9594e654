/* y = clamp(W x + b) on raw pointers; the arithmetic is custom_ops/spec/fully_connected.md.
 *
 * Vectors are int8 in and out, with fixed scales, or float32 in and out, each quantized over its
 * own range first. Weights have 8, 4 or 2 bits. */
#ifndef TFP_FULLY_CONNECTED_H_
#define TFP_FULLY_CONNECTED_H_

#include "../common/tfp_packed.h"
#include "../common/tfp_parallel.h"

#define TFP_FULLY_CONNECTED_MAX_ROWS (1u << 20)
#define TFP_FULLY_CONNECTED_MAX_DEPTH 65536
/* Sums of one gemm call at most; they stay in the first-level cache until they are scaled. */
#define TFP_FULLY_CONNECTED_SUMS (TFP_MAX_BATCH * 24 * TFP_ROW_BLOCK)

typedef struct tfp_fully_connected_shape {
  size_t rows;
  size_t depth;
  int weight_bits;
  bool is_float;    /* vectors in and out */
  bool is_unsigned; /* weights, of 8 bits */
  bool is_sparse;   /* weights, of 8 bits and with a sign */
  size_t tiles;     /* that are stored, where they are */
} tfp_fully_connected_shape;

typedef struct tfp_fully_connected_weights {
  /* Two's complement numbers of weight_bits bits, from the low bits of a byte on. */
  const uint8_t *values;
  tfp_stored_tiles tiles; /* where is_sparse: values are those of the tiles */
  int32_t offset;         /* what is taken from a weight first, where is_unsigned */
  size_t row_numbers;     /* from the start of a row to that of the next: depth, or more */
  bool trits;             /* of 2 bits, but stored as ternary numbers are (tfp_unpack.h) */
  const float *scales;
  size_t scale_count;  /* 1, or one a row */
  const void *bias;    /* int32 (x_scale * scale) or, where is_float, float32; or NULL */
  tfp_affine x;        /* of the vectors; not used where is_float */
  float y_scale;       /* likewise */
  tfp_output_s8 y;     /* likewise */
  float y_low, y_high; /* used where is_float */
} tfp_fully_connected_weights;

/* A prepared op. It owns no memory: all of it lies in the block given to prepare. */
typedef struct tfp_fully_connected {
  const tfp_variant *variant;
  const tfp_weight_kernels *kernels;
  tfp_fully_connected_shape shape;
  size_t threads; /* that are worth their start */
  size_t blocks;
  size_t padded_depth;
  tfp_packed packed;
  float *multiplier;    /* of each row */
  int32_t *weight_sums; /* where is_float */
  float *bias;          /* likewise */
  tfp_output_s8 y;
  float y_low, y_high;
  bool *backwards;  /* direction of the next call through the rows */
  int8_t *x;        /* [TFP_MAX_BATCH][padded_depth] */
  int32_t *acc;     /* [threads][TFP_FULLY_CONNECTED_SUMS] */
  int8_t *unpacked; /* [16][depth], used while packing weights that are not int8 */
} tfp_fully_connected;

/* Bytes that prepare needs, aligned to TFP_ALIGNMENT. */
uint64_t tfp_fully_connected_bytes(const tfp_variant *variant,
                                   const tfp_fully_connected_shape *shape, size_t threads);

/* Whether a scale lies in [2^-40, 2^40]; false for NaN too. */
bool tfp_scale_in_range(float scale);

/* x scale * scale / y scale of a row, in XNNPACK's order of operations. */
float tfp_fully_connected_multiplier(const tfp_fully_connected_weights *weights, size_t row);

/* Checks the values and scales; on failure writes one sentence and returns false. */
bool tfp_fully_connected_check(const tfp_fully_connected_shape *shape,
                               const tfp_fully_connected_weights *weights, char *error,
                               size_t error_size);

/* Packs weights that were checked into `memory`; they are not needed afterwards. */
void tfp_fully_connected_prepare(tfp_fully_connected *op, const tfp_variant *variant,
                                 const tfp_fully_connected_shape *shape, size_t threads,
                                 const tfp_fully_connected_weights *weights, void *memory);

/* x [batch][depth] to y [batch][rows]; allocates nothing and cannot fail. One op runs one call at
 * a time. The bits do not depend on the number of threads. */
void tfp_fully_connected_run(const tfp_fully_connected *op, size_t batch, const void *x, void *y,
                             const tfp_parallel *parallel);

/* Who takes the sums of an op with int8 vectors instead of its own output. */
typedef struct tfp_sums {
  /* Turns `count` sums, a multiple of 16 from `row` on, of vector `n` into outputs. May change the
   * sums; is called by several threads at once. */
  void (*write)(const void *context, size_t n, int32_t *acc, size_t row, size_t count, void *y);
  const void *context;
  size_t size; /* bytes of one output, 4 at most */
} tfp_sums;

/* The same for at most TFP_MAX_BATCH int8 vectors, with another output. */
void tfp_fully_connected_run_sums(const tfp_fully_connected *op, size_t batch, const int8_t *x,
                                  void *y, const tfp_sums *sums, const tfp_parallel *parallel);

#endif
