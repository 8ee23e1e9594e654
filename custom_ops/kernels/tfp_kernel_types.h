/* What each operation of the kernels computes, and what it is given. */
#ifndef TFP_KERNEL_TYPES_H_
#define TFP_KERNEL_TYPES_H_

#include <stddef.h>
#include <stdint.h>

#include "tfp_cells.h"

/* Weights come in blocks of this many rows; gates work on this many units. */
#define TFP_ROW_BLOCK 16
/* Columns of one gemm call at most. */
#define TFP_MAX_BATCH 8
/* Buffers of packed weights and parameters are aligned to this. */
#define TFP_ALIGNMENT 64
/* Sparse weights are stored as tiles of 8 rows and 4 columns. Their packed blocks begin at
 * multiples of TFP_SPARSE_ALIGNMENT. */
#define TFP_SPARSE_ROWS 8
#define TFP_SPARSE_COLUMNS 4
#define TFP_SPARSE_ALIGNMENT 64
/* Blocks of one panel at most, see tfp_weight_kernels. */
#define TFP_MAX_PANEL 6
/* Packs 1..16 rows of `depth` int8 weights, row-major with `stride` between rows, as block `index`
 * of a panel of `width` blocks. Rows that are missing become zeros. `zero_point` is that of the
 * vectors to be multiplied. The blocks of a panel are packed in order, the first one first.
 *
 * A panel begins with int32[width][16], the starts of all accumulators. Then, r16k4: for each 4
 * columns int8[width][16][4]. The other layouts of 8 bits know panels of one block only; r16k8: for
 * each 8 columns int8[16][8]; r16k16: int8[16][depth padded to 16]; r8k16: for each 8 rows, for
 * each 16 columns int8[8][16]. Those of 4 and 2 bits are told beside their packers.
 *
 * r8k4_sparse: int32[16] starts, uint32[2] numbers of tiles of rows 0..7 and of rows 8..15, both
 * even, uint16 first column of each tile, zeros up to a multiple of 64 bytes, then the tiles,
 * int8[8][4] each. So a block is as long as its tiles are many, and one follows the other.
 * r16k4_sparse: the same, with as many tiles of rows 8..15 as of rows 0..7 (tiles of zeros make
 * them so), of which one of each take turns. */
typedef void (*tfp_pack_fn)(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                            int32_t zero_point, void *panel, size_t width, size_t index);

/* acc[n][16 b + i] = sum_k w[16 b + i][k] * (x[n][k] - zero_point), for b < blocks, n < batch.
 * The blocks are whole panels, see tfp_weight_kernels. Each column of `x` must be readable up to
 * the next multiple of the variant's depth block. */
typedef void (*tfp_gemm_fn)(const void *blocks_packed, size_t blocks, size_t depth, size_t batch,
                            const int8_t *x, ptrdiff_t x_stride, int32_t *acc, size_t acc_stride);

/* out[i] = clamp(round(float(acc[i]) * multiplier[i]), -127, 127), ties to even.
 * `count` is a multiple of 16. */
typedef void (*tfp_requantize_fn)(const int32_t *acc, const float *multiplier, size_t count,
                                  int8_t *out);

/* A gate function: one of the smooth ones, or clamp(x * slope + offset, low, high). */
typedef enum tfp_function_kind { TFP_SIGMOID, TFP_TANH, TFP_PIECEWISE_LINEAR } tfp_function_kind;
typedef struct tfp_gate_function {
  tfp_function_kind kind;
  float slope, offset, low, high;
} tfp_gate_function;

/* What is the same for all units of a cell. */
typedef struct tfp_gate_settings {
  float inverse_scale; /* levels of int8 a unit of h */
  tfp_gate_function recurrent_activation;
  tfp_gate_function activation;
  float parameters[TFP_CELL_PARAMETERS]; /* of the cell; 0 where it has fewer */
} tfp_gate_settings;

/* One step of 16 * blocks units of a cell: see custom_ops/spec. */
typedef struct tfp_gate_args {
  const int32_t *acc_x, *acc_h; /* int32[gates][16] for each block */
  /* float[gates * (2 + bias rows) + unit rows][16] for each block: multipliers of x, bias,
   * multipliers of h, the recurrent bias where there is one, and numbers of the units. */
  const float *parameters;
  size_t blocks;
  const tfp_gate_settings *settings;
  float *states[TFP_MAX_STATES]; /* [16 * blocks] each, updated in place */
  int8_t *q;                     /* gets the int8 copy of the first state, h */
} tfp_gate_args;
typedef void (*tfp_gates_fn)(const tfp_gate_args *args);

/* The products of one gate with one multiplier each: those of 16 units begin at every step. */
typedef struct tfp_gate_products {
  const int32_t *acc;
  size_t acc_step;
  const float *multiplier;
  size_t multiplier_step;
  size_t units;
} tfp_gate_products;

/* Mean, and 1 / sqrt(variance + epsilon), of float(acc) * multiplier over the units. */
typedef struct tfp_moments {
  float mean, inverse;
} tfp_moments;
typedef tfp_moments (*tfp_moments_fn)(const tfp_gate_products *of, float epsilon);

/* Folds a layer normalization into what 16 units of each gate are multiplied with and what is
 * added: s = inverse * gain, multiplier * s, bias - mean * s. Outputs may be the inputs. */
typedef void (*tfp_normalize_fn)(const tfp_moments *moments, const float *gains, size_t gates,
                                 const float *multiplier, const float *bias, float *multiplier_out,
                                 float *bias_out);

/* Takes a state in: clamps it, zeroes what is tiny or not a number, and quantizes it.
 * `source` has `count` values; `h` and `q` are written to the next multiple of 16 with zeros. */
typedef void (*tfp_load_state_fn)(const float *source, size_t count, float inverse_scale, float *h,
                                  int8_t *q);

/* y[i] = f(x[i]); `count` is a multiple of 16. */
typedef void (*tfp_activation_fn)(const float *x, size_t count, float *y);

/* Real values are scale * (q - zero_point). */
typedef struct tfp_affine {
  float scale;
  int32_t zero_point;
} tfp_affine;

/* Quantizes `count` floats over their own range, which always includes 0. */
typedef tfp_affine (*tfp_quantize_fn)(const float *x, size_t count, int8_t *q);

/* Where an int8 output begins, and its ends: -128 <= low <= zero_point, high <= 127. */
typedef struct tfp_output_s8 {
  int32_t zero_point, low, high;
} tfp_output_s8;

/* y[i] = clamp(round(float(acc[i]) * multiplier[i]) + zero_point, low, high), ties to even.
 * `count` is a multiple of 16. */
typedef void (*tfp_output_s8_fn)(const int32_t *acc, const float *multiplier, size_t count,
                                 tfp_output_s8 to, int8_t *y);

/* A uint8 output as gemmlowp defines it; 0 <= low <= zero_point, high <= 255. */
typedef struct tfp_output_u8 {
  int32_t offset;      /* added to every sum */
  int32_t multiplier;  /* [2^30, 2^31) / 2^31, times 2^left or 2^-right, one of which is 0 */
  int32_t left, right; /* to 31 */
  int32_t zero_point, low, high;
} tfp_output_u8;

/* y[i] = clamp(divide(high(acc[i] + offset << left), 2^right) + zero_point, low, high): sums wrap
 * around, high(v) = (v * multiplier + 2^30) >> 31, and divide rounds half away from zero.
 * `count` is a multiple of 16. */
typedef void (*tfp_output_u8_fn)(const int32_t *acc, size_t count, tfp_output_u8 to, uint8_t *y);

/* sums[i] = sums[i] + float(row[i]) * factor, each rounded on its own. */
typedef void (*tfp_accumulate_fn)(const int8_t *row, float factor, size_t count, float *sums);

/* For each row of weights: their sum, their scale, and what is added last. */
typedef struct tfp_row_parameters {
  const int32_t *weight_sums;
  const float *scales;
  const float *bias;
} tfp_row_parameters;

/* How the vector of each column was quantized, and the ends of a float output. */
typedef struct tfp_output_f32 {
  const tfp_affine *x;
  float low, high;
} tfp_output_f32;

/* For each column: y[i] = clamp(float(acc[i] - sum[i] * zero_point) * x scale * scale[i] + bias[i],
 * low, high), each operation rounded. `count` is a multiple of 16; the strides are from column to
 * column. */
typedef void (*tfp_output_f32_fn)(const int32_t *acc, size_t acc_stride, size_t columns,
                                  const tfp_row_parameters *rows, size_t count,
                                  const tfp_output_f32 *to, float *y, size_t y_stride);

/* gemm and output in one, so that sums never leave the registers: the results of 16 * blocks rows,
 * with the bits that the two would give one after the other. For floats the weights must have been
 * packed with zero point 0, and `rows` must hold their sums. */
typedef void (*tfp_gemm_output_s8_fn)(const void *blocks_packed, size_t blocks, size_t depth,
                                      size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                      const float *multiplier, const tfp_output_s8 *to, int8_t *y,
                                      size_t y_stride);
typedef void (*tfp_gemm_output_f32_fn)(const void *blocks_packed, size_t blocks, size_t depth,
                                       size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                       const tfp_row_parameters *rows, const tfp_output_f32 *to,
                                       float *y, size_t y_stride);

#endif
