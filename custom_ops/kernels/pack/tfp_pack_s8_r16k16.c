/* Packs 16 rows of int8 weights as int32[16] starts and then int8[16][depth, padded to 16]. */
#include "../common/tfp_assert.h"
#include "../common/tfp_bytes.h"
#include "../tfp_kernels.h"

void tfp_pack_s8_r16k16(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                        int32_t zero_point, void *panel, size_t width, size_t index) {
  TFP_ASSERT(width == 1 && index == 0);
  const size_t padded = (depth + 15) / 16 * 16;
  int32_t start[TFP_ROW_BLOCK] = {0};
  int8_t *out = (int8_t *)panel + sizeof start;
  memset(out, 0, TFP_ROW_BLOCK * padded);
  for (size_t row = 0; row < rows; ++row) {
    const int8_t *w = weights + row * stride;
    for (size_t k = 0; k < depth; ++k) {
      out[row * padded + k] = w[k];
      start[row] -= zero_point * w[k];
    }
  }
  memcpy(panel, start, sizeof start);
}
