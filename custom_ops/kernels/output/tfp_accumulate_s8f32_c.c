#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* Compilers vectorize it. */
void tfp_accumulate_s8f32_c(const int8_t *row, float factor, size_t count, float *sums) {
  for (size_t i = 0; i < count; ++i) sums[i] += (float)row[i] * factor;
}
