/* Portable gemm with weights of `bits` bits, see tfp_pack_low.h. */
#ifndef TFP_GEMM_LOW_C_H_
#define TFP_GEMM_LOW_C_H_

#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

TFP_INLINE void tfp_gemm_low_c(const size_t bits, const void *blocks_packed, size_t blocks,
                               size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                               int32_t *acc, size_t acc_stride) {
  const size_t parts = 8 / bits, step = 4 * parts, steps = (depth + step - 1) / step;
  const int32_t offset = 1 << (bits - 1), mask = (1 << bits) - 1;
  const uint8_t *block = blocks_packed;
  for (size_t b = 0; b < blocks; ++b, block += TFP_ROW_BLOCK * (sizeof(int32_t) + 4 * steps)) {
    int32_t start[TFP_ROW_BLOCK];
    memcpy(start, block, sizeof start);
    for (size_t n = 0; n < batch; ++n) {
      const int8_t *column = x + (ptrdiff_t)n * x_stride;
      int32_t *sum = acc + n * acc_stride + b * TFP_ROW_BLOCK;
      memcpy(sum, start, sizeof start);
      const uint8_t *w = block + sizeof start;
      for (size_t s = 0; s < steps; ++s, column += step) {
        for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
          for (size_t i = 0; i < 4; ++i, ++w) {
            for (size_t part = 0; part < parts; ++part) {
              const int32_t value = (*w >> (bits * part) & mask) - offset;
              /* Unsigned: sums wrap around as those of vectors do. */
              sum[row] = (int32_t)((uint32_t)sum[row] + (uint32_t)(value * column[4 * part + i]));
            }
          }
        }
      }
    }
  }
}

#endif
