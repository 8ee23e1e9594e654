/* Packs 16 rows of int8 weights as int32[16] starts and then int8[depth / 8][16][8]. */
#include "tfp_pack_tiled.h"

void tfp_pack_s8_r16k8(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_tiled(16, 8, weights, rows, depth, stride, zero_point, panel, width, index);
}
