/* Packing of weights with fewer than 8 bits, those of several columns in a byte: stored without a
 * sign, 2^(bits - 1) added. The blocks of a panel take turns step by step. */
#ifndef TFP_PACK_LOW_H_
#define TFP_PACK_LOW_H_

#include "../common/tfp_bytes.h"
#include "../common/tfp_sum_s8.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* 4 * 8 / bits weights, one a byte, as 4 bytes. Four lanes of a word at once: adding 2^(bits - 1)
 * to a number of so many bits turns its top bit over, and no lane overflows into the next. */
TFP_INLINE uint32_t tfp_pack_word(const size_t bits, const int8_t *weights) {
  const uint32_t lanes = 0x01010101u, mask = lanes * ((1u << bits) - 1u);
  uint32_t word = 0;
  for (size_t part = 0; part < 8 / bits; ++part) {
    uint32_t four;
    memcpy(&four, weights + 4 * part, sizeof four);
    word |= ((four & mask) ^ (lanes << (bits - 1))) << (bits * part);
  }
  return word;
}

TFP_INLINE void tfp_pack_low(const size_t bits, const int8_t *weights, size_t rows, size_t depth,
                             size_t stride, int32_t zero_point, void *panel, size_t width,
                             size_t index) {
  enum { kMostInStep = 16 };
  const size_t step = 32 / bits, whole = depth / step;
  const size_t turn = width * 4 * TFP_ROW_BLOCK;
  uint8_t *starts = (uint8_t *)panel + index * 4 * TFP_ROW_BLOCK;
  uint32_t start[TFP_ROW_BLOCK] = {0};
  static const int8_t zeros[kMostInStep];
  for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
    const bool inside = row < rows;
    const int8_t *w = inside ? weights + row * stride : zeros;
    /* Unsigned: the sum times the zero point wraps around as the accumulators do. */
    if (inside && zero_point != 0) {
      start[row] = 0u - (uint32_t)zero_point * (uint32_t)tfp_sum_s8(w, depth);
    }
    uint8_t *to = starts + turn + 4 * row;
    for (size_t k = 0; k < whole; ++k, to += turn) {
      const uint32_t word = tfp_pack_word(bits, inside ? w + k * step : w);
      memcpy(to, &word, sizeof word);
    }
    if (whole * step < depth) {
      int8_t last[kMostInStep] = {0};
      if (inside) memcpy(last, w + whole * step, depth - whole * step);
      const uint32_t word = tfp_pack_word(bits, last);
      memcpy(to, &word, sizeof word);
    }
  }
  memcpy(starts, start, sizeof start);
}

#endif
