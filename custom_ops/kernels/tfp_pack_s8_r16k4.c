/* Packs 16 rows of int8 weights as int32[16] starts and then int8[depth / 4][16][4]. */
#include "tfp_bytes.h"
#include "tfp_kernels.h"

static void pack(const int8_t *weights, size_t rows, size_t depth, size_t stride, int32_t offset,
                 void *block) {
  int32_t start[TFP_ROW_BLOCK] = {0};
  int8_t *out = (int8_t *)block + sizeof start;
  for (size_t k = 0; k < depth; k += 4) {
    for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
      for (size_t i = 0; i < 4; ++i) {
        const bool inside = row < rows && k + i < depth;
        const int8_t w = inside ? weights[row * stride + k + i] : (int8_t)0;
        start[row] -= offset * w;
        *out++ = w;
      }
    }
  }
  memcpy(block, start, sizeof start);
}

void tfp_pack_s8_r16k4(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                       int32_t zero_point, void *block) {
  pack(weights, rows, depth, stride, zero_point, block);
}

/* For kernels that multiply x + 128, as unsigned bytes, in place of x. */
void tfp_pack_s8_r16k4_offset128(const int8_t *weights, size_t rows, size_t depth, size_t stride,
                                 int32_t zero_point, void *block) {
  pack(weights, rows, depth, stride, zero_point + 128, block);
}
