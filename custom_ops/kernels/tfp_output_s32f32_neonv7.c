#include "tfp_kernels.h"
#include "tfp_levels_c.h"
#include "tfp_target.h"
#if TFP_ARMV7_NEON
#include "tfp_neonv7.h"

/* A bias, or what it leaves of a product, may be subnormal, which the vector unit would flush to
 * zero: the scalar unit adds it. The products are never subnormal. */
void tfp_output_s32f32_neonv7(const int32_t *acc, const tfp_row_parameters *rows, size_t count,
                              tfp_output_f32 to, float *y) {
  const int32x4_t zero_point = vdupq_n_s32(to.x.zero_point);
  for (size_t i = 0; i < count; i += 8) {
    float product[8];
    for (size_t j = 0; j < 8; j += 4) {
      const int32x4_t sums = vld1q_s32(rows->weight_sums + i + j);
      float32x4_t v = vcvtq_f32_s32(vmlsq_s32(vld1q_s32(acc + i + j), sums, zero_point));
      v = vmulq_f32(vmulq_n_f32(v, to.x.scale), vld1q_f32(rows->scales + i + j));
      vst1q_f32(product + j, v);
    }
    for (size_t j = 0; j < 8; ++j) {
      y[i + j] = tfp_clamp_c(product[j] + rows->bias[i + j], to.low, to.high);
    }
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
