#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "tfp_gemm_s8_avx512vnni.h"

TFP_TARGET_AVX512VNNI void tfp_gemm_s8s8_r16k4_avx512vnni(const void *blocks_packed, size_t blocks,
                                                          size_t depth, size_t batch,
                                                          const int8_t *x, ptrdiff_t x_stride,
                                                          const float *multiplier,
                                                          const tfp_output_s8 *to, int8_t *y,
                                                          size_t y_stride) {
  tfp_gemm_s8_avx512vnni(kTfpLevels, blocks_packed, blocks, depth, batch, x, x_stride,
                         tfp_sink_levels(multiplier, to, y, y_stride));
}

#else
typedef int tfp_not_on_this_architecture;
#endif
