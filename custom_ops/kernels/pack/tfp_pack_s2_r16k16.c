/* Packs 16 rows of weights in [-2, 1] as int32[16] starts and then, for each 16 columns,
 * uint8[16][4]: columns k + i, k + 4 + i, k + 8 + i and k + 12 + i, each + 2, from the low bits of
 * a byte to the high. */
#include "../tfp_kernels.h"
#include "tfp_pack_low.h"

void tfp_pack_s2_r16k16(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                        int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low(2, weights, rows, depth, stride, zero_point, panel, width, index);
}
