#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"
#if TFP_ARMV7_NEON
#include "../common/tfp_neonv7.h"

/* Columns share the parameters that 8 rows bring from memory. A bias, or what it leaves of a
 * product, may be subnormal, which the vector unit would flush to zero: the scalar unit adds it.
 * The products are never subnormal. */
void tfp_output_s32f32_neonv7(const int32_t *acc, size_t acc_stride, size_t columns,
                              const tfp_row_parameters *rows, size_t count,
                              const tfp_output_f32 *to, float *y, size_t y_stride) {
  const tfp_affine *x = to->x;
  for (size_t i = 0; i < count; i += 8) {
    int32x4_t sums[2];
    float32x4_t scales[2];
    for (size_t j = 0; j < 2; ++j) {
      sums[j] = vld1q_s32(rows->weight_sums + i + 4 * j);
      scales[j] = vld1q_f32(rows->scales + i + 4 * j);
    }
    for (size_t n = 0; n < columns; ++n) {
      const int32x4_t zero_point = vdupq_n_s32(x[n].zero_point);
      float product[8];
      for (size_t j = 0; j < 2; ++j) {
        const int32x4_t sum = vld1q_s32(acc + n * acc_stride + i + 4 * j);
        const float32x4_t v = vcvtq_f32_s32(vmlsq_s32(sum, sums[j], zero_point));
        vst1q_f32(product + 4 * j, vmulq_f32(vmulq_n_f32(v, x[n].scale), scales[j]));
      }
      for (size_t j = 0; j < 8; ++j) {
        y[n * y_stride + i + j] = tfp_clamp_c(product[j] + rows->bias[i + j], to->low, to->high);
      }
    }
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
