/* Portable gemm, the reference that every other variant equals: plain dot products, which
 * compilers turn into the vector instructions of whatever they compile for. */
#include "../common/tfp_bytes.h"
#include "../tfp_kernels.h"

void tfp_gemm_s8s32_r16k16_c(const void *blocks_packed, size_t blocks, size_t depth, size_t batch,
                             const int8_t *x, ptrdiff_t x_stride, int32_t *acc, size_t acc_stride) {
  const size_t padded = (depth + 15) / 16 * 16;
  const size_t block_bytes = TFP_ROW_BLOCK * (sizeof(int32_t) + padded);
  for (size_t b = 0; b < blocks; ++b) {
    const int8_t *block = (const int8_t *)blocks_packed + b * block_bytes;
    int32_t start[TFP_ROW_BLOCK];
    memcpy(start, block, sizeof start);
    for (size_t row = 0; row < TFP_ROW_BLOCK; ++row) {
      const int8_t *w = block + sizeof start + row * padded;
      for (size_t n = 0; n < batch; ++n) {
        const int8_t *column = x + (ptrdiff_t)n * x_stride;
        /* Unsigned: a start may hold any bias, and sums wrap around as those of vectors do. */
        uint32_t sum = (uint32_t)start[row];
        for (size_t k = 0; k < padded; ++k) sum += (uint32_t)(w[k] * column[k]);
        acc[n * acc_stride + b * TFP_ROW_BLOCK + row] = (int32_t)sum;
      }
    }
  }
}
