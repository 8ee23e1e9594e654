#include "../tfp_kernels.h"
#include "tfp_levels_c.h"

void tfp_output_s32f32_c(const int32_t *acc, size_t acc_stride, size_t columns,
                         const tfp_row_parameters *rows, size_t count, const tfp_output_f32 *to,
                         float *y, size_t y_stride) {
  for (size_t n = 0; n < columns; ++n, acc += acc_stride, y += y_stride) {
    const tfp_affine x = to->x[n];
    for (size_t i = 0; i < count; ++i) {
      /* Unsigned: wraps around as the vector instructions do. */
      const uint32_t shift = (uint32_t)rows->weight_sums[i] * (uint32_t)x.zero_point;
      const float sum = (float)(int32_t)((uint32_t)acc[i] - shift);
      const float v = sum * x.scale * rows->scales[i] + rows->bias[i];
      y[i] = tfp_clamp_c(v, to->low, to->high);
    }
  }
}
