#include "tfp_kernels.h"
#include "tfp_levels_c.h"

void tfp_output_s32f32_c(const int32_t *acc, const tfp_row_parameters *rows, size_t count,
                         tfp_output_f32 to, float *y) {
  for (size_t i = 0; i < count; ++i) {
    /* Unsigned: wraps around as the vector instructions do. */
    const uint32_t shift = (uint32_t)rows->weight_sums[i] * (uint32_t)to.x.zero_point;
    const float sum = (float)(int32_t)((uint32_t)acc[i] - shift);
    const float v = sum * to.x.scale * rows->scales[i] + rows->bias[i];
    y[i] = tfp_clamp_c(v, to.low, to.high);
  }
}
