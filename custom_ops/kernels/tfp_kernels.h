/* Kernels of the tfpipeline ops: no dependency, no allocation, no threads, no state.
 *
 * Names:  tfp_<operation>_<types>[_<layout>]_<isa>, for example tfp_gemm_s8s32_r16k4_avx2.
 * Packers: tfp_pack_s8_r16k16, tfp_pack_s8_r16k4, tfp_pack_s8_r16k4_offset128, tfp_pack_s8_r16k8,
 * tfp_pack_s8_r8k16; of sparse weights tfp_pack_s8_r8k4_sparse, tfp_pack_s8_r8k4_sparse_offset128
 * and tfp_pack_s8_r16k4_sparse_offset128; with 4 and 2 bits a weight tfp_pack_s4_r16k8,
 * tfp_pack_s2_r16k16, tfp_pack_s4_r4k32, tfp_pack_s2_r4k64, tfp_pack_s4_r32k4, tfp_pack_s2_r64k4,
 * tfp_pack_s4_r16k4_signed, tfp_pack_s2_r16k4_signed, tfp_pack_s4_r16k8_signed and
 * tfp_pack_s2_r16k8_signed.
 *
 * Every variant of an operation returns the same bits. One table of variants (tfp_variants.c)
 * drives dispatch, tests and benchmarks; a new instruction set is a new row in it.
 */
#ifndef TFP_KERNELS_H_
#define TFP_KERNELS_H_

#include <stdbool.h>

#include "tfp_kernel_types.h"
#include "tfp_lstm_s16.h"

/* Kernels of one width of weights.
 *
 * The blocks of 16 rows are packed in panels: the blocks of a panel are interleaved step by step,
 * so that a kernel which reads several side by side reads one stream of memory, and processors
 * fetch it ahead. A matrix is cut into as many of the widest panels as it fills, then the rest into
 * narrower ones: so the blocks of any call begin at a multiple of panels[0], and end at one or at
 * the end of the matrix. */
typedef struct tfp_weight_kernels {
  int bits;              /* of a weight */
  size_t depth_block;    /* columns are padded to a multiple of this, a power of two */
  const uint8_t *panels; /* widths in blocks, descending; the last one is 1 */
  tfp_pack_fn pack;      /* takes one weight a byte, whatever the width */
  tfp_gemm_fn gemm;
  tfp_gemm_output_s8_fn gemm_output_s8;   /* NULL: no such kernel */
  tfp_gemm_output_f32_fn gemm_output_f32; /* likewise */
} tfp_weight_kernels;

typedef struct tfp_variant {
  const char *name;        /* what the option `isa` calls it */
  bool (*supported)(void); /* whether this processor and its operating system can run it */
  tfp_weight_kernels s8;
  tfp_weight_kernels s4; /* weights in [-8, 7] */
  tfp_weight_kernels s2; /* weights in [-2, 1] */
  /* Weights in [-127, 127] without their 8x4 tiles of zeros. Blocks differ in size, which
   * tfp_sparse_block_bytes says; the other functions of places are not for them. */
  tfp_weight_kernels sparse;
  tfp_requantize_fn requantize;
  const tfp_gates_fn *gates; /* of each cell, by its tfp_cell_id */
  tfp_load_state_fn load_state;
  tfp_moments_fn moments;
  tfp_normalize_fn normalize;
  tfp_activation_fn sigmoid;
  tfp_activation_fn tanh;
  bool (*preferred)(void); /* whether "auto" may choose it where supported; NULL: yes */
  tfp_quantize_fn quantize;
  tfp_output_s8_fn output_s8;
  tfp_output_f32_fn output_f32;
  tfp_output_u8_fn output_u8;
  bool takes_minus_128; /* the gemm of 8 bits is exact for int8 weights of -128 too */
  const tfp_lstm_s16_kernels *lstm_s16;
  tfp_accumulate_fn accumulate;
} tfp_variant;

/* All variants compiled in, slowest first; the portable one is always there. */
size_t tfp_variant_count(void);
const tfp_variant *tfp_get_variant(size_t index);
/* The variant called `name`, or the best supported one for "auto"; NULL when there is none. */
const tfp_variant *tfp_find_variant(const char *name);

/* The kernels for weights of 8, 4 or 2 bits. */
const tfp_weight_kernels *tfp_get_weight_kernels(const tfp_variant *variant, int bits);

/* Bytes that each block of 16 rows adds to a packed matrix: block `b` of a call begins at b times
 * as many, where b is a multiple of panels[0]. */
size_t tfp_packed_block_bytes(const tfp_weight_kernels *kernels, size_t depth);

/* The place of block `block` in a packed matrix of `blocks` blocks. */
typedef struct tfp_block_place {
  unsigned char *panel;
  size_t width, index;
} tfp_block_place;
tfp_block_place tfp_find_block(const tfp_weight_kernels *kernels, void *packed, size_t blocks,
                               size_t depth, size_t block);

/* Packs a block where it belongs; blocks are packed in order. Arguments as of tfp_pack_fn. */
void tfp_pack_block(const tfp_weight_kernels *kernels, void *packed, size_t blocks, size_t block,
                    const int8_t *weights, size_t rows, size_t depth, size_t stride,
                    int32_t zero_point);

/* Bytes of a block that a packer of sparse weights filled, and at most those of `blocks` blocks
 * with `tiles` 8x4 tiles with a number other than 0, where of a block's rows 0..7 and 8..15 those
 * with fewer tiles count as those with more. */
size_t tfp_sparse_block_bytes(const void *block);
uint64_t tfp_sparse_bytes_at_most(size_t blocks, size_t tiles);

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
            void *panel, size_t width, size_t index)
#define TFP_DECLARE_GEMM(name)                                                                     \
  void name(const void *blocks_packed, size_t blocks, size_t depth, size_t batch, const int8_t *x, \
            ptrdiff_t x_stride, int32_t *acc, size_t acc_stride)
#define TFP_DECLARE_REQUANTIZE(name) \
  void name(const int32_t *acc, const float *multiplier, size_t count, int8_t *out)
#define TFP_DECLARE_GATES(name) extern const tfp_gates_fn name[TFP_CELL_COUNT]
#define TFP_DECLARE_LSTM(name) extern const tfp_lstm_s16_kernels name
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
#define TFP_DECLARE_ACCUMULATE(name) \
  void name(const int8_t *row, float factor, size_t count, float *sums)
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
TFP_DECLARE_PACK(tfp_pack_s4_r4k32);
TFP_DECLARE_PACK(tfp_pack_s2_r4k64);
TFP_DECLARE_PACK(tfp_pack_s4_r32k4);
TFP_DECLARE_PACK(tfp_pack_s2_r64k4);
TFP_DECLARE_PACK(tfp_pack_s4_r16k4_signed);
TFP_DECLARE_PACK(tfp_pack_s2_r16k4_signed);
TFP_DECLARE_PACK(tfp_pack_s4_r16k8_signed);
TFP_DECLARE_PACK(tfp_pack_s2_r16k8_signed);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r32k4_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r32k4_avx512vnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r4k32_neon);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r4k32_neon_a53);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r4k32_neonv7);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k4_neondot);
TFP_DECLARE_GEMM(tfp_gemm_s8s4s32_r16k8_neoni8mm);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k16_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r64k4_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r64k4_avx512vnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r4k64_neon);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r4k64_neon_a53);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r4k64_neonv7);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k4_neondot);
TFP_DECLARE_GEMM(tfp_gemm_s8s2s32_r16k8_neoni8mm);

TFP_DECLARE_PACK(tfp_pack_s8_r8k4_sparse);
TFP_DECLARE_PACK(tfp_pack_s8_r8k4_sparse_offset128);
TFP_DECLARE_PACK(tfp_pack_s8_r16k4_sparse_offset128);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_c);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_avx2);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_avxvnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r16k4_sparse_avx512vnni);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_neon);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_neonv7);
TFP_DECLARE_GEMM(tfp_gemm_s8s32_r8k4_sparse_neondot);

TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_c);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_avx2);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_avx512);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_neon);
TFP_DECLARE_QUANTIZE(tfp_quantize_f32s8_neonv7);

TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_c);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_avx2);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_avx512);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_neon);
TFP_DECLARE_OUTPUT_S8(tfp_output_s32s8_neonv7);

TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_c);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_avx2);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_avx512);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_neon);
TFP_DECLARE_OUTPUT_U8(tfp_output_s32u8_neonv7);

TFP_DECLARE_ACCUMULATE(tfp_accumulate_s8f32_c);
TFP_DECLARE_ACCUMULATE(tfp_accumulate_s8f32_avx2);

TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_c);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_avx2);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_avx512);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_neon);
TFP_DECLARE_OUTPUT_F32(tfp_output_s32f32_neonv7);

TFP_DECLARE_GEMM_OUTPUT_S8(tfp_gemm_s8s8_r16k4_avx512vnni);
TFP_DECLARE_GEMM_OUTPUT_S8(tfp_gemm_s8s8_r16k4_neondot);
TFP_DECLARE_GEMM_OUTPUT_S8(tfp_gemm_s8s8_r16k8_neoni8mm);
TFP_DECLARE_GEMM_OUTPUT_F32(tfp_gemm_s8f32_r16k4_avx512vnni);
TFP_DECLARE_GEMM_OUTPUT_F32(tfp_gemm_s8f32_r16k4_neondot);

TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_c);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_avx2);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_avx512);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_neon);
TFP_DECLARE_REQUANTIZE(tfp_requantize_s32s8_neonv7);

TFP_DECLARE_GATES(tfp_gates_f32_c);
TFP_DECLARE_GATES(tfp_gates_f32_avx2);
TFP_DECLARE_GATES(tfp_gates_f32_avx512);
TFP_DECLARE_GATES(tfp_gates_f32_neon);

TFP_DECLARE_MOMENTS(tfp_moments_f32_c);
TFP_DECLARE_MOMENTS(tfp_moments_f32_avx2);
TFP_DECLARE_MOMENTS(tfp_moments_f32_avx512);
TFP_DECLARE_MOMENTS(tfp_moments_f32_neon);

TFP_DECLARE_NORMALIZE(tfp_normalize_f32_c);
TFP_DECLARE_NORMALIZE(tfp_normalize_f32_avx2);
TFP_DECLARE_NORMALIZE(tfp_normalize_f32_avx512);
TFP_DECLARE_NORMALIZE(tfp_normalize_f32_neon);

TFP_DECLARE_LSTM(tfp_lstm_s16_c);
TFP_DECLARE_LSTM(tfp_lstm_s16_avx2);
TFP_DECLARE_LSTM(tfp_lstm_s16_avx512);
TFP_DECLARE_LSTM(tfp_lstm_s16_neon);
TFP_DECLARE_LSTM(tfp_lstm_s16_neonv7);

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
