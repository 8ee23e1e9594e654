/* Packing of weights with fewer than 8 bits, those of several rows of a block
 * in a byte, for signed products.
 *
 * A block has 2 * bits lanes: rows i, i + lanes, ... share a byte, the first
 * one in its low bits, because they meet the same value of x. For each
 * `columns` columns int8[2 * bits][columns]. The last row of a byte has a sign,
 * the others have none, 2^(bits - 1) added: the whole byte is a signed number,
 * the sum of its rows times 2^(bits * row), and a mask leaves those of its
 * lower rows. */
#ifndef TFP_PACK_LOW_R16_H_
#define TFP_PACK_LOW_R16_H_

#include "../common/tfp_assert.h"
#include "../common/tfp_bytes.h"
#include "../common/tfp_sum_s8.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* Columns are padded to 32 / bits, a multiple of `columns`, which is one of 4.
 */
TFP_INLINE void tfp_pack_low_r16(const size_t bits, const size_t columns, const int8_t *weights,
                                 size_t rows, size_t depth, size_t stride, int32_t zero_point,
                                 void *panel, size_t width, size_t index) {
  enum { kMostShared = 4 };
  TFP_ASSERT(width == 1 && index == 0 && rows > 0 && rows <= TFP_ROW_BLOCK);
  const size_t shared = 8 / bits, lanes = TFP_ROW_BLOCK / shared, step = 4 * shared;
  const size_t fours = (depth + step - 1) / step * shared, whole = depth / 4;
  const uint32_t ones = 0x01010101u, mask = ones * ((1u << bits) - 1u);
  static const int8_t zeros[4];
  uint32_t start[TFP_ROW_BLOCK] = {0};
  for (size_t lane = 0; lane < lanes; ++lane) {
    const int8_t *w[kMostShared];
    size_t ahead[kMostShared];
    for (size_t i = 0; i < shared; ++i) {
      const size_t row = lane + i * lanes;
      w[i] = row < rows ? weights + row * stride : zeros;
      ahead[i] = row < rows ? 4 : 0;
      /* Unsigned: the sum times the zero point wraps around as the accumulators
       * do. */
      if (row < rows && zero_point != 0) {
        start[row] = 0u - (uint32_t)zero_point * (uint32_t)tfp_sum_s8(w[i], depth);
      }
    }
    uint8_t *to = (uint8_t *)panel + sizeof start + columns * lane;
    for (size_t k = 0; k < fours; ++k) {
      const size_t left = k < whole ? 4 : k == whole ? depth - 4 * whole : 0;
      uint32_t word = 0;
      for (size_t i = 0; i < shared; ++i) {
        uint32_t four = 0;
        if (left == 4) {
          memcpy(&four, w[i], sizeof four); /* a constant: one load */
          w[i] += ahead[i];
        } else {
          memcpy(&four, w[i], left);
        }
        /* Turning the top bit of a number of so many bits over adds 2^(bits -
         * 1). */
        const uint32_t offset = i + 1 < shared ? ones << (bits - 1) : 0;
        word |= ((four & mask) ^ offset) << (bits * i);
      }
      const size_t column = 4 * k;
      memcpy(to + column / columns * columns * lanes + column % columns, &word, sizeof word);
    }
  }
  memcpy(panel, start, sizeof start);
}

#endif
