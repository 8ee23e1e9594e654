/* Kernels of the tfpipeline ops: no dependency, no allocation, no threads, no state.
 *
 * Names:  tfp_<operation>_<types>[_<layout>]_<isa>, for example tfp_gemm_s8s32_r16k4_avx2.
 * Packers: tfp_pack_s8_r16k16, tfp_pack_s8_r16k4, tfp_pack_s8_r16k4_offset128, tfp_pack_s8_r16k8,
 * tfp_pack_s8_r8k16; with 4 and 2 bits a weight tfp_pack_s4_r16k8 and tfp_pack_s2_r16k16.
 *
 * Every variant of an operation returns the same bits. One table of variants (tfp_variants.c)
 * drives dispatch, tests and benchmarks; a new instruction set is a new row in it.
 */
#ifndef TFP_KERNELS_H_
#define TFP_KERNELS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weights come in blocks of this many rows; gates work on this many units. */
#define TFP_ROW_BLOCK 16
/* Columns of one gemm call at most. */
#define TFP_MAX_BATCH 8
/* Buffers of packed weights and parameters are aligned to this. */
#define TFP_ALIGNMENT 64
/* Parameters of 16 units of a GRU: float[12][16], in the order
 * multiplier_x z r n, bias_x z r n, multiplier_h z r n, bias_h z r n. */
#define TFP_GRU_PARAMETERS 192
/* Parameters of 16 units of an LSTM: float[12][16], in the order
 * multiplier_x i f c o, bias i f c o, multiplier_h i f c o. */
#define TFP_LSTM_PARAMETERS 192

/* Packs 1..16 rows of `depth` int8 weights, row-major with `stride` between rows, into one block.
 * Rows that are missing become zeros. `zero_point` is that of the vectors to be multiplied.
 * Every layout begins with int32[16], the start of each accumulator. r16k4: then for each 4 columns
 * int8[16][4]; r16k8: for each 8 columns int8[16][8]. r16k16: then int8[16][depth padded to 16].
 * r8k16: then for each 8 rows, for each 16 columns int8[8][16]. */
typedef void (*tfp_pack_fn)(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                            int32_t zero_point, void *block);

/* acc[n][16 b + i] = sum_k w[16 b + i][k] * (x[n][k] - zero_point), for b < blocks, n < batch.
 * Each column of `x` must be readable up to the next multiple of the variant's depth block. */
typedef void (*tfp_gemm_fn)(const void *blocks_packed, size_t blocks, size_t depth, size_t batch,
                            const int8_t *x, ptrdiff_t x_stride, int32_t *acc, size_t acc_stride);

/* out[i] = clamp(round(float(acc[i]) * multiplier[i]), -127, 127), ties to even.
 * `count` is a multiple of 16. */
typedef void (*tfp_requantize_fn)(const int32_t *acc, const float *multiplier, size_t count,
                                  int8_t *out);

/* Gate functions: numbers of the options of recurrent ops. The hard ones are piecewise linear. */
enum { TFP_SIGMOID = 1, TFP_HARD_SIGMOID = 2, TFP_TANH = 1, TFP_HARD_TANH = 2 };

/* What is the same for all units of a cell. */
typedef struct tfp_gate_settings {
  float inverse_scale; /* levels of int8 a unit of h */
  int recurrent_activation;
  int activation;
} tfp_gate_settings;

/* One GRU step of 16 * blocks units: see custom_ops/spec/gru.md. `acc_x` and `acc_h` hold
 * int32[3][16] (z, r, n) for each block; `h` is updated in place, `q` gets its int8 copy. */
typedef void (*tfp_gru_gates_fn)(const int32_t *acc_x, const int32_t *acc_h,
                                 const float *parameters, size_t blocks,
                                 const tfp_gate_settings *settings, float *h, int8_t *q);

/* One LSTM step of 16 * blocks units: see custom_ops/spec/lstm.md. `acc_x` and `acc_h` hold
 * int32[4][16] (i, f, c, o) for each block; `h` is written and `c` updated in place, `q` gets the
 * int8 copy of h. */
typedef void (*tfp_lstm_gates_fn)(const int32_t *acc_x, const int32_t *acc_h,
                                  const float *parameters, size_t blocks,
                                  const tfp_gate_settings *settings, float *h, float *c, int8_t *q);

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

/* Kernels of one width of weights. */
typedef struct tfp_weight_kernels {
  size_t depth_block; /* columns are padded to a multiple of this, a power of two */
  tfp_pack_fn pack;   /* takes one weight a byte, whatever the width */
  tfp_gemm_fn gemm;
} tfp_weight_kernels;

typedef struct tfp_variant {
  const char *name;        /* what the option `isa` calls it */
  bool (*supported)(void); /* whether this processor and its operating system can run it */
  size_t depth_block;      /* columns are padded to a multiple of this, a power of two */
  tfp_pack_fn pack;
  tfp_gemm_fn gemm;
  tfp_requantize_fn requantize;
  tfp_gru_gates_fn gru_gates;
  tfp_lstm_gates_fn lstm_gates;
  tfp_load_state_fn load_state;
  tfp_moments_fn moments;
  tfp_normalize_fn normalize;
  tfp_activation_fn sigmoid;
  tfp_activation_fn tanh;
  bool (*preferred)(void); /* whether "auto" may choose it where supported; NULL: yes */
  tfp_weight_kernels s4;   /* weights in [-8, 7] */
  tfp_weight_kernels s2;   /* weights in [-2, 1] */
  tfp_quantize_fn quantize;
  tfp_output_s8_fn output_s8;
  tfp_output_f32_fn output_f32;
  tfp_gemm_output_s8_fn gemm_output_s8;   /* for weights of 8 bits; NULL: no such kernel */
  tfp_gemm_output_f32_fn gemm_output_f32; /* likewise */
  tfp_output_u8_fn output_u8;
  bool takes_minus_128; /* `gemm` is exact for int8 weights of -128 too */
} tfp_variant;

/* All variants compiled in, slowest first; the portable one is always there. */
size_t tfp_variant_count(void);
const tfp_variant *tfp_get_variant(size_t index);
/* The variant called `name`, or the best supported one for "auto"; NULL when there is none. */
const tfp_variant *tfp_find_variant(const char *name);

/* Bytes of one packed block of 16 rows. */
size_t tfp_packed_block_bytes(const tfp_variant *variant, size_t depth);

/* The kernels for weights of 8, 4 or 2 bits, and the bytes of one packed block of 16 rows. */
tfp_weight_kernels tfp_get_weight_kernels(const tfp_variant *variant, int bits);
size_t tfp_packed_block_bytes_of(tfp_weight_kernels kernels, int bits, size_t depth);

/* Processor features; false on other architectures. */
bool tfp_cpu_always(void);
bool tfp_cpu_has_avx2(void);
bool tfp_cpu_has_avxvnni(void);
bool tfp_cpu_has_avx512vnni(void);
/* Defined on 64-bit Arm only. */
bool tfp_cpu_has_dotprod(void);
bool tfp_cpu_has_i8mm(void);
bool tfp_cpu_is_a53(void);
/* Defined on 32-bit Arm only. */
bool tfp_cpu_has_neonv7(void);

#define TFP_DECLARE_PACK(name)                                                                   \
  void name(const int8_t *weights, size_t rows, size_t depth, size_t stride, int32_t zero_point, \
            void *block)
#define TFP_DECLARE_GEMM(name)                                                                     \
  void name(const void *blocks_packed, size_t blocks, size_t depth, size_t batch, const int8_t *x, \
            ptrdiff_t x_stride, int32_t *acc, size_t acc_stride)
#define TFP_DECLARE_REQUANTIZE(name) \
  void name(const int32_t *acc, const float *multiplier, size_t count, int8_t *out)
#define TFP_DECLARE_GRU_GATES(name)                                                             \
  void name(const int32_t *acc_x, const int32_t *acc_h, const float *parameters, size_t blocks, \
            const tfp_gate_settings *settings, float *h, int8_t *q)
#define TFP_DECLARE_LSTM_GATES(name)                                                            \
  void name(const int32_t *acc_x, const int32_t *acc_h, const float *parameters, size_t blocks, \
            const tfp_gate_settings *settings, float *h, float *c, int8_t *q)
#define TFP_DECLARE_MOMENTS(name) tfp_moments name(const tfp_gate_products *of, float epsilon)
#define TFP_DECLARE_NORMALIZE(name)                                                                \
  void name(const tfp_moments *moments, const float *gains, size_t gates, const float *multiplier, \
            const float *bias, float *multiplier_out, float *bias_out)
#define TFP_DECLARE_LOAD_STATE(name) \
  void name(const float *source, size_t count, float inverse_scale, float *h, int8_t *q)
#define TFP_DECLARE_ACTIVATION(name) void name(const float *x, size_t count, float *y)
#define TFP_DECLARE_QUANTIZE(name) tfp_affine name(const float *x, size_t count, int8_t *q)
#define TFP_DECLARE_OUTPUT_S8(name) \
  void name(const int32_t *acc, const float *multiplier, size_t count, tfp_output_s8 to, int8_t *y)
#define TFP_DECLARE_OUTPUT_F32(name)                                                               \
  void name(const int32_t *acc, size_t acc_stride, size_t columns, const tfp_row_parameters *rows, \
            size_t count, const tfp_output_f32 *to, float *y, size_t y_stride)
#define TFP_DECLARE_GEMM_OUTPUT_S8(name)                                                           \
  void name(const void *blocks_packed, size_t blocks, size_t depth, size_t batch, const int8_t *x, \
            ptrdiff_t x_stride, const float *multiplier, const tfp_output_s8 *to, int8_t *y,       \
            size_t y_stride)
#define TFP_DECLARE_GEMM_OUTPUT_F32(name)                                                          \
  void name(const void *blocks_packed, size_t blocks, size_t depth, size_t batch, const int8_t *x, \
            ptrdiff_t x_stride, const tfp_row_parameters *rows, const tfp_output_f32 *to,          \
            float *y, size_t y_stride)
#define TFP_DECLARE_OUTPUT_U8(name) \
  void name(const int32_t *acc, size_t count, tfp_output_u8 to, uint8_t *y)

TFP_DECLARE_PACK(tfp_pack_s8_r16k16);
TFP_DECLARE_PACK(tfp_pack_s8_r16k4);
TFP_DECLARE_PACK(tfp_pack_s8_r16k4_offset128);
TFP_DECLARE_PACK(tfp_pack_s8_r16k8);
TFP_DECLARE_PACK(tfp_pack_s8_r8k16);

TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k16_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k4_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k4_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k4_avx512vnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k16_neon);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k16_neon_a53);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k16_neonv7);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k4_neondot);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k8_neoni8mm);

TFP_DECLARE_PACK(tfp_pack_s4_r16k8);
TFP_DECLARE_PACK(tfp_pack_s2_r16k16);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_avx512vnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_avx512vnni);

TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_c);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_avx2);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_avx512);

TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_c);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_avx2);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_avx512);

TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_c);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_avx2);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_avx512);

TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_c);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_avx2);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_avx512);

TFP_DECLARE_GEMM_OUTPUT_S8(tfp_gemm_s8s8_r16k4_avx512vnni);
TFP_DECLARE_GEMM_OUTPUT_F32(tfp_gemm_s8f32_r16k4_avx512vnni);

TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_c);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_avx2);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_avx512);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_neon);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_neonv7);

TFP_DECLARE_GRU_GATES(tfp_gru_gates_f32_c);
TFP_DECLARE_GRU_GATES(tfp_gru_gates_f32_avx2);
TFP_DECLARE_GRU_GATES(tfp_gru_gates_f32_avx512);
TFP_DECLARE_GRU_GATES(tfp_gru_gates_f32_neon);

TFP_DECLARE_LSTM_GATES(tfp_lstm_gates_f32_c);
TFP_DECLARE_LSTM_GATES(tfp_lstm_gates_f32_avx2);
TFP_DECLARE_LSTM_GATES(tfp_lstm_gates_f32_avx512);
TFP_DECLARE_LSTM_GATES(tfp_lstm_gates_f32_neon);

TFP_DECLARE_MOMENTS(tfp_moments_f32_c);
TFP_DECLARE_MOMENTS(tfp_moments_f32_avx2);
TFP_DECLARE_MOMENTS(tfp_moments_f32_avx512);

TFP_DECLARE_NORMALIZE(tfp_normalize_f32_c);
TFP_DECLARE_NORMALIZE(tfp_normalize_f32_avx2);
TFP_DECLARE_NORMALIZE(tfp_normalize_f32_avx512);

TFP_DECLARE_LOAD_STATE(tfp_load_state_f32_c);
TFP_DECLARE_LOAD_STATE(tfp_load_state_f32_avx2);
TFP_DECLARE_LOAD_STATE(tfp_load_state_f32_avx512);
TFP_DECLARE_LOAD_STATE(tfp_load_state_f32_neon);

TFP_DECLARE_ACTIVATION(tfp_sigmoid_f32_c);
TFP_DECLARE_ACTIVATION(tfp_sigmoid_f32_avx2);
TFP_DECLARE_ACTIVATION(tfp_sigmoid_f32_avx512);
TFP_DECLARE_ACTIVATION(tfp_sigmoid_f32_neon);
TFP_DECLARE_ACTIVATION(tfp_tanh_f32_c);
TFP_DECLARE_ACTIVATION(tfp_tanh_f32_avx2);
TFP_DECLARE_ACTIVATION(tfp_tanh_f32_avx512);
TFP_DECLARE_ACTIVATION(tfp_tanh_f32_neon);

#endif
