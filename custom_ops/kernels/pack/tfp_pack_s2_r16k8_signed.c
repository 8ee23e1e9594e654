/* Packs 16 rows of weights in [-2, 1] as int32[16] starts and then, for each 8
 * columns (padded to a multiple of 16), int8[4][8]: rows i, i + 4, i + 8 and i
 * + 12, from the low bits of a byte to the high. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "tfp_pack_low_r16.h"

void tfp_pack_s2_r16k8_signed(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                              int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low_r16(2, 8, weights, rows, depth, stride, zero_point, panel, width, index);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
