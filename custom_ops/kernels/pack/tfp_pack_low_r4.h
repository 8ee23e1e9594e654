/* Packing of weights with fewer than 8 bits for tiles of 4 rows, whose sums are registers of one
 * row each: for each 4 rows, for each 16 * 8 / bits columns, uint8[4][16]. The parts of a byte,
 * from the low bits on, are columns 16 apart, stored without a sign, 2^(bits - 1) added. */
#ifndef TFP_PACK_LOW_R4_H_
#define TFP_PACK_LOW_R4_H_

#include "../common/tfp_assert.h"
#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

TFP_INLINE void tfp_pack_low_r4(const size_t bits, const int8_t *weights, size_t rows, size_t depth,
                                size_t stride, int32_t zero_point, void *panel, size_t width,
                                size_t index) {
  TFP_ASSERT(width == 1 && index == 0);
  const size_t parts = 8 / bits, step = 16 * parts, steps = (depth + step - 1) / step;
  const int32_t offset = 1 << (bits - 1);
  uint32_t start[TFP_ROW_BLOCK] = {0};
  uint8_t *out = (uint8_t *)panel + sizeof start;
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    uint8_t *to = out + row / 4 * 64 * steps + row % 4 * 16;
    for (size_t k = 0; k < depth; k += step, to += 64) {
      for (size_t i = 0; i < 16; ++i) {
        uint32_t byte = 0;
        for (size_t part = 0; part < parts; ++part) {
          const size_t column = k + 16 * part + i;
          const int32_t w = row < rows && column < depth ? weights[row * stride + column] : 0;
          start[row] -= (uint32_t)zero_point * (uint32_t)w;
          byte |= ((uint32_t)(w + offset) & ((1u << bits) - 1u)) << (bits * part);
        }
        to[i] = (uint8_t)byte;
      }
    }
  }
  memcpy(panel, start, sizeof start);
}

#endif
