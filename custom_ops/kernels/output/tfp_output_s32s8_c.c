#include "../common/tfp_float_c.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"

void tfp_output_s32s8_c(const int32_t *acc, const float *multiplier, size_t count, tfp_output_s8 to,
                        int8_t *y) {
  const float low = (float)(to.low - to.zero_point), high = (float)(to.high - to.zero_point);
  for (size_t i = 0; i < count; ++i) {
    const float v = tfp_clamp_c((float)acc[i] * multiplier[i], low, high);
    y[i] = (int8_t)(tfp_round_c(v) + to.zero_point);
  }
}
