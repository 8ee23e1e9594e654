#include "../common/tfp_gates_c.h"
#include "../tfp_kernels.h"

void tfp_requantize_s32s8_c(const int32_t *acc, const float *multiplier, size_t count,
                            int8_t *out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = tfp_round_s8_c((float)acc[i] * multiplier[i]);
  }
}
