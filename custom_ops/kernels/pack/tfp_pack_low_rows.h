/* Packing of weights with fewer than 8 bits, those of several rows in a byte.
 *
 * Row i of 8 / bits neighbouring blocks share a byte, the first block in its low bits, because they
 * meet the same value of x: the product of the whole byte is a sum of theirs, and a mask less is
 * needed. For each 4 columns uint8[width * bits / 8][16][4], each weight without a sign,
 * 2^(bits - 1) added. A block that is alone in its panel has several columns in a byte, see
 * tfp_pack_low.h. */
#ifndef TFP_PACK_LOW_ROWS_H_
#define TFP_PACK_LOW_ROWS_H_

#include "../common/tfp_assert.h"
#include "tfp_pack_low.h"

TFP_INLINE void tfp_pack_low_rows(const size_t bits, const int8_t *weights, size_t rows,
                                  size_t depth, size_t stride, int32_t zero_point, void *panel,
                                  size_t width, size_t index) {
  if (width == 1) {
    tfp_pack_low(bits, weights, rows, depth, stride, zero_point, panel, width, index);
    return;
  }
  const size_t shared = 8 / bits, step = 4 * shared, block = 4 * TFP_ROW_BLOCK;
  TFP_ASSERT(index < width && width % shared == 0 && rows > 0 && rows <= TFP_ROW_BLOCK);
  const size_t groups = (depth + step - 1) / step * shared, whole = depth / 4;
  const size_t turn = width / shared * block;
  const unsigned place = (unsigned)(bits * (index % shared));
  const uint32_t lanes = 0x01010101u, mask = lanes * ((1u << bits) - 1u),
                 zero = lanes << (bits - 1);
  uint32_t start[TFP_ROW_BLOCK] = {0};
  uint8_t *out = (uint8_t *)panel + width * block + index / shared * block;
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    const bool inside = row < rows;
    const int8_t *w = weights + (inside ? row * stride : 0);
    /* Unsigned: the sum times the zero point wraps around as the accumulators do. */
    if (inside && zero_point != 0) {
      start[row] = 0u - (uint32_t)zero_point * (uint32_t)tfp_sum_s8(w, depth);
    }
    uint8_t *to = out + 4 * row;
    for (size_t k = 0; k < groups; ++k, to += turn) {
      uint32_t four = 0, word = 0;
      if (inside && k < whole) {
        memcpy(&four, w + 4 * k, sizeof four);
      } else if (inside && k == whole) {
        memcpy(&four, w + 4 * k, depth - 4 * whole);
      }
      if (place > 0) memcpy(&word, to, sizeof word);
      word |= ((four & mask) ^ zero) << place;
      memcpy(to, &word, sizeof word);
    }
  }
  memcpy((uint8_t *)panel + index * block, start, sizeof start);
}

#endif
