/* Packs 16 rows of int8 weights as int32[16] starts and then int8[2][depth / 16][8][16]. */
#include "tfp_pack_tiled.h"

void tfp_pack_s8_r8k16(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_tiled(8, 16, weights, rows, depth, stride, zero_point, panel, width, index);
}
