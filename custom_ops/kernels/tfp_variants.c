/* The one table of variants, slowest first. */
#include "common/tfp_target.h"
#include "tfp_kernels.h"
#if TFP_X86_64
#include "common/tfp_panels_x86.h"
#endif

/* The kernels of one width of weights; those with outputs of their own are added where they exist.
 */
#define TFP_WEIGHTS(width, columns, widths, packer, product) \
  .bits = width, .depth_block = columns, .panels = widths, .pack = packer, .gemm = product

/* What all rows for 64-bit Arm share. */
#define TFP_NEON_FULLY_CONNECTED                                            \
  .quantize = tfp_quantize_f32s8_neon, .output_s8 = tfp_output_s32s8_neon,  \
  .output_f32 = tfp_output_s32f32_neon, .output_u8 = tfp_output_s32u8_neon, \
  .accumulate = tfp_accumulate_s8f32_c

/* The kernels for Arm and the portable one read one block after another as it is. */
static const uint8_t alone[] = {1};

static const tfp_variant variants[] = {
    {
        .name = "c",
        .supported = tfp_cpu_always,
        .s8 = {TFP_WEIGHTS(8, 16, alone, tfp_pack_s8_r16k16, tfp_gemm_s8s32_r16k16_c)},
        .s4 = {TFP_WEIGHTS(4, 8, alone, tfp_pack_s4_r16k8, tfp_gemm_s8s4s32_r16k8_c)},
        .s2 = {TFP_WEIGHTS(2, 16, alone, tfp_pack_s2_r16k16, tfp_gemm_s8s2s32_r16k16_c)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse, tfp_gemm_s8s32_r8k4_sparse_c)},
        .requantize = tfp_requantize_s32s8_c,
        .gates = tfp_gates_f32_c,
        .load_state = tfp_load_state_f32_c,
        .lstm_s16 = &tfp_lstm_s16_c,
        .moments = tfp_moments_f32_c,
        .normalize = tfp_normalize_f32_c,
        .sigmoid = tfp_sigmoid_f32_c,
        .tanh = tfp_tanh_f32_c,
        .quantize = tfp_quantize_f32s8_c,
        .output_s8 = tfp_output_s32s8_c,
        .output_f32 = tfp_output_s32f32_c,
        .output_u8 = tfp_output_s32u8_c,
        .accumulate = tfp_accumulate_s8f32_c,
        .takes_minus_128 = true,
    },
#if TFP_X86_64
    {
        .name = "avx2",
        .supported = tfp_cpu_has_avx2,
        .s8 = {TFP_WEIGHTS(8, 4, tfp_panels_s8_avx2, tfp_pack_s8_r16k4, tfp_gemm_s8s32_r16k4_avx2)},
        .s4 = {TFP_WEIGHTS(4, 8, tfp_panels_columns_ymm, tfp_pack_s4_r16k8,
                           tfp_gemm_s8s4s32_r16k8_avx2)},
        .s2 = {TFP_WEIGHTS(2, 16, tfp_panels_columns_ymm, tfp_pack_s2_r16k16,
                           tfp_gemm_s8s2s32_r16k16_avx2)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_avx2)},
        .requantize = tfp_requantize_s32s8_avx2,
        .gates = tfp_gates_f32_avx2,
        .load_state = tfp_load_state_f32_avx2,
        .lstm_s16 = &tfp_lstm_s16_avx2,
        .moments = tfp_moments_f32_avx2,
        .normalize = tfp_normalize_f32_avx2,
        .sigmoid = tfp_sigmoid_f32_avx2,
        .tanh = tfp_tanh_f32_avx2,
        .quantize = tfp_quantize_f32s8_avx2,
        .output_s8 = tfp_output_s32s8_avx2,
        .output_f32 = tfp_output_s32f32_avx2,
        .output_u8 = tfp_output_s32u8_avx2,
        .accumulate = tfp_accumulate_s8f32_avx2,
        .takes_minus_128 = true,
    },
#if TFP_AVXVNNI
    {
        .name = "avxvnni",
        .supported = tfp_cpu_has_avxvnni,
        .s8 = {TFP_WEIGHTS(8, 4, tfp_panels_s8_ymm, tfp_pack_s8_r16k4_offset128,
                           tfp_gemm_s8s32_r16k4_avxvnni)},
        .s4 = {TFP_WEIGHTS(4, 8, tfp_panels_pairs, tfp_pack_s4_r32k4,
                           tfp_gemm_s8s4s32_r32k4_avxvnni)},
        .s2 = {TFP_WEIGHTS(2, 16, tfp_panels_quads, tfp_pack_s2_r64k4,
                           tfp_gemm_s8s2s32_r64k4_avxvnni)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse_offset128,
                               tfp_gemm_s8s32_r8k4_sparse_avxvnni)},
        .requantize = tfp_requantize_s32s8_avx2,
        .gates = tfp_gates_f32_avx2,
        .load_state = tfp_load_state_f32_avx2,
        .lstm_s16 = &tfp_lstm_s16_avx2,
        .moments = tfp_moments_f32_avx2,
        .normalize = tfp_normalize_f32_avx2,
        .sigmoid = tfp_sigmoid_f32_avx2,
        .tanh = tfp_tanh_f32_avx2,
        .quantize = tfp_quantize_f32s8_avx2,
        .output_s8 = tfp_output_s32s8_avx2,
        .output_f32 = tfp_output_s32f32_avx2,
        .output_u8 = tfp_output_s32u8_avx2,
        .accumulate = tfp_accumulate_s8f32_avx2,
        .takes_minus_128 = true,
    },
#endif
    {
        .name = "avx512vnni",
        .supported = tfp_cpu_has_avx512vnni,
        .s8 = {TFP_WEIGHTS(8, 4, tfp_panels_s8_zmm, tfp_pack_s8_r16k4_offset128,
                           tfp_gemm_s8s32_r16k4_avx512vnni),
               .gemm_output_s8 = tfp_gemm_s8s8_r16k4_avx512vnni,
               .gemm_output_f32 = tfp_gemm_s8f32_r16k4_avx512vnni},
        .s4 = {TFP_WEIGHTS(4, 8, tfp_panels_pairs, tfp_pack_s4_r32k4,
                           tfp_gemm_s8s4s32_r32k4_avx512vnni)},
        .s2 = {TFP_WEIGHTS(2, 16, tfp_panels_quads, tfp_pack_s2_r64k4,
                           tfp_gemm_s8s2s32_r64k4_avx512vnni)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r16k4_sparse_offset128,
                               tfp_gemm_s8s32_r16k4_sparse_avx512vnni)},
        .requantize = tfp_requantize_s32s8_avx512,
        .gates = tfp_gates_f32_avx512,
        .load_state = tfp_load_state_f32_avx512,
        .lstm_s16 = &tfp_lstm_s16_avx512,
        .moments = tfp_moments_f32_avx512,
        .normalize = tfp_normalize_f32_avx512,
        .sigmoid = tfp_sigmoid_f32_avx512,
        .tanh = tfp_tanh_f32_avx512,
        .quantize = tfp_quantize_f32s8_avx512,
        .output_s8 = tfp_output_s32s8_avx512,
        .output_f32 = tfp_output_s32f32_avx512,
        .output_u8 = tfp_output_s32u8_avx512,
        .accumulate = tfp_accumulate_s8f32_avx2,
        .takes_minus_128 = true,
    },
#endif
#if TFP_ARMV7_NEON
    {
        /* Gates of floats stay with the scalar unit: this NEON flushes subnormals and cannot
           divide. */
        .name = "neonv7",
        .supported = tfp_cpu_has_neonv7,
        .s8 = {TFP_WEIGHTS(8, 16, alone, tfp_pack_s8_r8k16, tfp_gemm_s8s32_r8k16_neonv7)},
        .s4 = {TFP_WEIGHTS(4, 32, alone, tfp_pack_s4_r4k32, tfp_gemm_s8s4s32_r4k32_neonv7)},
        .s2 = {TFP_WEIGHTS(2, 64, alone, tfp_pack_s2_r4k64, tfp_gemm_s8s2s32_r4k64_neonv7)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_neonv7)},
        .requantize = tfp_requantize_s32s8_neonv7,
        .gates = tfp_gates_f32_c,
        .load_state = tfp_load_state_f32_c,
        .lstm_s16 = &tfp_lstm_s16_neonv7,
        .moments = tfp_moments_f32_c,
        .normalize = tfp_normalize_f32_c,
        .sigmoid = tfp_sigmoid_f32_c,
        .tanh = tfp_tanh_f32_c,
        .quantize = tfp_quantize_f32s8_neonv7,
        .output_s8 = tfp_output_s32s8_neonv7,
        .output_f32 = tfp_output_s32f32_neonv7,
        .output_u8 = tfp_output_s32u8_neonv7,
        .accumulate = tfp_accumulate_s8f32_c,
    },
#endif
#if TFP_AARCH64
    {
        .name = "neon",
        .supported = tfp_cpu_always,
        .s8 = {TFP_WEIGHTS(8, 16, alone, tfp_pack_s8_r8k16, tfp_gemm_s8s32_r8k16_neon)},
        .s4 = {TFP_WEIGHTS(4, 32, alone, tfp_pack_s4_r4k32, tfp_gemm_s8s4s32_r4k32_neon)},
        .s2 = {TFP_WEIGHTS(2, 64, alone, tfp_pack_s2_r4k64, tfp_gemm_s8s2s32_r4k64_neon)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_neon)},
        .requantize = tfp_requantize_s32s8_neon,
        .gates = tfp_gates_f32_neon,
        .load_state = tfp_load_state_f32_neon,
        .lstm_s16 = &tfp_lstm_s16_neon,
        .moments = tfp_moments_f32_neon,
        .normalize = tfp_normalize_f32_neon,
        .sigmoid = tfp_sigmoid_f32_neon,
        .tanh = tfp_tanh_f32_neon,
        TFP_NEON_FULLY_CONNECTED,
    },
    {
        .name = "neon_a53",
        .supported = tfp_cpu_always,
        .s8 = {TFP_WEIGHTS(8, 16, alone, tfp_pack_s8_r8k16, tfp_gemm_s8s32_r8k16_neon_a53)},
        .s4 = {TFP_WEIGHTS(4, 32, alone, tfp_pack_s4_r4k32, tfp_gemm_s8s4s32_r4k32_neon_a53)},
        .s2 = {TFP_WEIGHTS(2, 64, alone, tfp_pack_s2_r4k64, tfp_gemm_s8s2s32_r4k64_neon_a53)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_neon)},
        .requantize = tfp_requantize_s32s8_neon,
        .gates = tfp_gates_f32_neon,
        .load_state = tfp_load_state_f32_neon,
        .lstm_s16 = &tfp_lstm_s16_neon,
        .moments = tfp_moments_f32_neon,
        .normalize = tfp_normalize_f32_neon,
        .sigmoid = tfp_sigmoid_f32_neon,
        .tanh = tfp_tanh_f32_neon,
        TFP_NEON_FULLY_CONNECTED,
        .preferred = tfp_cpu_is_a53,
    },
    {
        .name = "neondot",
        .supported = tfp_cpu_has_dotprod,
        .s8 = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r16k4, tfp_gemm_s8s32_r16k4_neondot),
               .gemm_output_s8 = tfp_gemm_s8s8_r16k4_neondot,
               .gemm_output_f32 = tfp_gemm_s8f32_r16k4_neondot},
        .s4 = {TFP_WEIGHTS(4, 8, alone, tfp_pack_s4_r16k4_signed, tfp_gemm_s8s4s32_r16k4_neondot)},
        .s2 = {TFP_WEIGHTS(2, 16, alone, tfp_pack_s2_r16k4_signed, tfp_gemm_s8s2s32_r16k4_neondot)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_neondot)},
        .requantize = tfp_requantize_s32s8_neon,
        .gates = tfp_gates_f32_neon,
        .load_state = tfp_load_state_f32_neon,
        .lstm_s16 = &tfp_lstm_s16_neon,
        .moments = tfp_moments_f32_neon,
        .normalize = tfp_normalize_f32_neon,
        .sigmoid = tfp_sigmoid_f32_neon,
        .tanh = tfp_tanh_f32_neon,
        TFP_NEON_FULLY_CONNECTED,
        .takes_minus_128 = true,
    },
    {
        .name = "neoni8mm",
        .supported = tfp_cpu_has_i8mm,
        .s8 = {TFP_WEIGHTS(8, 8, alone, tfp_pack_s8_r16k8, tfp_gemm_s8s32_r16k8_neoni8mm),
               .gemm_output_s8 = tfp_gemm_s8s8_r16k8_neoni8mm},
        .s4 = {TFP_WEIGHTS(4, 8, alone, tfp_pack_s4_r16k8_signed, tfp_gemm_s8s4s32_r16k8_neoni8mm)},
        .s2 = {TFP_WEIGHTS(2, 16, alone, tfp_pack_s2_r16k8_signed,
                           tfp_gemm_s8s2s32_r16k8_neoni8mm)},
        .sparse = {TFP_WEIGHTS(8, 4, alone, tfp_pack_s8_r8k4_sparse,
                               tfp_gemm_s8s32_r8k4_sparse_neondot)},
        .requantize = tfp_requantize_s32s8_neon,
        .gates = tfp_gates_f32_neon,
        .load_state = tfp_load_state_f32_neon,
        .lstm_s16 = &tfp_lstm_s16_neon,
        .moments = tfp_moments_f32_neon,
        .normalize = tfp_normalize_f32_neon,
        .sigmoid = tfp_sigmoid_f32_neon,
        .tanh = tfp_tanh_f32_neon,
        TFP_NEON_FULLY_CONNECTED,
        .takes_minus_128 = true,
    },
#endif
};

size_t tfp_variant_count(void) {
  return sizeof variants / sizeof variants[0];
}

const tfp_variant *tfp_get_variant(size_t index) {
  return index < tfp_variant_count() ? &variants[index] : NULL;
}

static bool same(const char *a, const char *b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

const tfp_variant *tfp_find_variant(const char *name) {
  const bool best = same(name, "auto");
  for (size_t i = tfp_variant_count(); i-- > 0;) {
    const tfp_variant *variant = &variants[i];
    const bool named =
        best ? variant->preferred == NULL || variant->preferred() : same(name, variant->name);
    if (named && variant->supported()) return variant;
  }
  return NULL;
}

const tfp_weight_kernels *tfp_get_weight_kernels(const tfp_variant *variant, int bits) {
  return bits == 4 ? &variant->s4 : bits == 2 ? &variant->s2 : &variant->s8;
}
