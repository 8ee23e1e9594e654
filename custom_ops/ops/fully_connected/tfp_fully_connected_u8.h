/* y = W x + b with uint8 numbers and their zero points, as gemmlowp and TensorFlow Lite define
 * them; the arithmetic is custom_ops/spec/fully_connected.md.
 *
 * The int8 kernels do the work. With w' = w - c and x' = x - 128 the sum that is wanted is
 *   sum (w - zw) (x - zx) = sum w' (x' - (zx - 128)) + (c - zw) sum (x - zx)
 * where the first part is the int8 op, and the second one number a vector. c is 127 or 128, so that
 * w' lies in [-127, 127], unless the weights hold 0 and 255 both. Kernels that take -128 then use
 * c = 128; for the others the rarer end is cut by one, and a list of the places where it stands
 * gives back what was cut: (x - zx) times 1 or -1 each. Trained weights have one or two of them,
 * and of the kernels only those of NEON without dot products need it. */
#ifndef TFP_FULLY_CONNECTED_U8_H_
#define TFP_FULLY_CONNECTED_U8_H_

#include "tfp_fully_connected.h"

/* How sums become outputs. */
typedef enum tfp_u8_output {
  kTfpRawSums,     /* int32: the sums themselves */
  kTfpFixedPoint,  /* uint8: gemmlowp's two roundings of an integer product */
  kTfpFloatFactor, /* uint8: XNNPACK's float32 product, one rounding to even */
} tfp_u8_output;

typedef struct tfp_fully_connected_u8_weights {
  const uint8_t *values; /* [rows][depth] */
  tfp_affine w, x, y;    /* y: not used for raw sums */
  const int32_t *bias;   /* or NULL */
  int32_t low, high;     /* ends of y */
  tfp_u8_output output;
} tfp_fully_connected_u8_weights;

/* What the sizes depend on; measured from the weights. */
typedef struct tfp_fully_connected_u8_shape {
  size_t rows;
  size_t depth;
  int32_t offset;   /* c above */
  uint8_t cut_end;  /* the value that is cut */
  size_t cut_count; /* how often it occurs */
} tfp_fully_connected_u8_shape;

typedef struct tfp_fully_connected_u8 {
  tfp_fully_connected fc;
  tfp_fully_connected_u8_shape shape;
  tfp_affine x;
  int32_t correction; /* c - zw */
  tfp_u8_output output;
  tfp_output_u8 fixed_point;
  tfp_output_s8 levels; /* of y - 128 */
  size_t *cut_starts;   /* [rows + 1]: where a row begins in cut_columns */
  uint16_t *cut_columns;
  int8_t *centred; /* x - 128 of TFP_MAX_BATCH vectors */
} tfp_fully_connected_u8;

/* Measures `rows` * `depth` weights for the kernels of `variant`. */
tfp_fully_connected_u8_shape tfp_fully_connected_u8_measure(const tfp_variant *variant, size_t rows,
                                                            size_t depth, const uint8_t *values);

uint64_t tfp_fully_connected_u8_bytes(const tfp_variant *variant,
                                      const tfp_fully_connected_u8_shape *shape, size_t threads);

/* Checks scales and zero points; on failure writes one sentence and returns false. */
bool tfp_fully_connected_u8_check(const tfp_fully_connected_u8_weights *weights, char *error,
                                  size_t error_size);

/* Packs weights that were checked into `memory`; they are not needed afterwards. */
void tfp_fully_connected_u8_prepare(tfp_fully_connected_u8 *op, const tfp_variant *variant,
                                    const tfp_fully_connected_u8_shape *shape, size_t threads,
                                    const tfp_fully_connected_u8_weights *weights, void *memory);

/* x [batch][depth] to y [batch][rows], uint8 or, for raw sums, int32. As tfp_fully_connected_run.
 */
void tfp_fully_connected_u8_run(const tfp_fully_connected_u8 *op, size_t batch, const uint8_t *x,
                                void *y, const tfp_parallel *parallel);

#endif
