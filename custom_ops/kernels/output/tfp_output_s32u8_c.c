#include "../tfp_kernels.h"

/* gemmlowp's arithmetic: two roundings, the first up, the second away from zero. */
void tfp_output_s32u8_c(const int32_t *acc, size_t count, tfp_output_u8 to, uint8_t *y) {
  const int32_t low = to.low - to.zero_point, high = to.high - to.zero_point;
  const int32_t mask = (int32_t)((1u << to.right) - 1u), half = mask >> 1;
  for (size_t i = 0; i < count; ++i) {
    const int32_t sum = (int32_t)(((uint32_t)acc[i] + (uint32_t)to.offset) << to.left);
    const int32_t scaled = (int32_t)(((int64_t)sum * to.multiplier + (1 << 30)) >> 31);
    const int32_t up = (scaled & mask) > half + (scaled < 0) ? 1 : 0;
    const int32_t level = (scaled >> to.right) + up;
    y[i] = (uint8_t)((level < low ? low : level > high ? high : level) + to.zero_point);
  }
}
