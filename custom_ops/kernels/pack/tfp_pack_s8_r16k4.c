/* Packs 16 rows of int8 weights as int32[16] starts and then int8[depth / 4][16][4], interleaved
 * with the other blocks of the panel. */
#include "tfp_pack_tiled.h"

void tfp_pack_s8_r16k4(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_tiled(16, 4, weights, rows, depth, stride, zero_point, panel, width, index);
}

/* For kernels that multiply x + 128, as unsigned bytes, in place of x. */
void tfp_pack_s8_r16k4_offset128(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                                 int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_tiled(16, 4, weights, rows, depth, stride, zero_point + 128, panel, width, index);
}
