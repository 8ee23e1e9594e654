/* Packs 16 rows of weights in [-8, 7] as int32[16] starts and then, for each 8 columns,
 * uint8[16][4]: column k + i + 8 in the low half of a byte and column k + 4 + i + 8 in the high. */
#include "../tfp_kernels.h"
#include "tfp_pack_low.h"

void tfp_pack_s4_r16k8(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low(4, weights, rows, depth, stride, zero_point, panel, width, index);
}
