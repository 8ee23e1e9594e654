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
  const tfp_sink sink = {
      .scales = multiplier,
      .low = _mm512_set1_ps((float)(to->low - to->zero_point)),
      .high = _mm512_set1_ps((float)(to->high - to->zero_point)),
      .zero_point = _mm512_set1_epi32(to->zero_point),
      .y = (unsigned char *)y,
      .y_stride = y_stride,
  };
  tfp_gemm_s8_avx512vnni(kTfpLevels, blocks_packed, blocks, depth, batch, x, x_stride, sink);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
