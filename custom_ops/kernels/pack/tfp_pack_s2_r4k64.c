/* Packs 16 rows of weights in [-2, 1] as int32[16] starts and then, for each 4 rows and each 64
 * columns, uint8[4][16]: columns k + i, k + 16 + i, k + 32 + i and k + 48 + i, each + 2, from the
 * low bits of a byte to the high. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64 || TFP_ARMV7_NEON
#include "tfp_pack_low_r4.h"

void tfp_pack_s2_r4k64(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low_r4(2, weights, rows, depth, stride, zero_point, panel, width, index);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
