/* Packs 16 rows of weights in [-8, 7] as int32[16] starts and then, for each 4 rows and each 32
 * columns, uint8[4][16]: columns k + i and k + 16 + i, each + 8, in the low and the high half of a
 * byte. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64 || TFP_ARMV7_NEON
#include "tfp_pack_low_r4.h"

void tfp_pack_s4_r4k32(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low_r4(4, weights, rows, depth, stride, zero_point, panel, width, index);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
