/* Packs 16 rows of weights in [-2, 1] into a panel of which four blocks share their bytes. */
#include "../tfp_kernels.h"
#include "tfp_pack_low_rows.h"

void tfp_pack_s2_r64k4(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *panel, size_t width, size_t index) {
  tfp_pack_low_rows(2, weights, rows, depth, stride, zero_point, panel, width, index);
}
