/* gemm for 32-bit Arm: VMULL and VMLAL add two products in 16 bits (|w| <= 127), VPADAL widens and
 * adds pairs of them. With 16 registers, tiles are 4 rows x 2 columns, and 8 rows x 1. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON
#include "../common/tfp_neonv7.h"

/* The products of one row and one column over 16 columns of weights. */
TFP_INLINE int32x4_t multiply(int32x4_t sum, int8x16_t w, int8x16_t x) {
  int16x8_t products = vmull_s8(vget_low_s8(w), vget_low_s8(x));
  products = vmlal_s8(products, vget_high_s8(w), vget_high_s8(x));
  return vpadalq_s16(sum, products);
}

/* The sums of 4 rows on top of their starts. */
TFP_INLINE void store(const int32_t *start, const int32x4_t *sum, int32_t *acc) {
  int32x2_t pairs[4];
  for (int i = 0; i < 4; ++i) pairs[i] = vpadd_s32(vget_low_s32(sum[i]), vget_high_s32(sum[i]));
  const int32x4_t total =
      vcombine_s32(vpadd_s32(pairs[0], pairs[1]), vpadd_s32(pairs[2], pairs[3]));
  vst1q_s32(acc, vaddq_s32(vld1q_s32(start), total));
}

/* `rows` times `columns` is 8. The weights of 8 rows lie together, 16 bytes of each in turn. */
TFP_INLINE void run_tile(const int rows, const int columns, const int32_t *start, const int8_t *w,
                         size_t steps, const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                         size_t acc_stride) {
  int32x4_t sum[2][8];
  for (int n = 0; n < columns; ++n) {
    for (int i = 0; i < rows; ++i) sum[n][i] = vdupq_n_s32(0);
  }
  for (; steps > 0; --steps, w += 128, x += 16) {
    int8x16_t v[2];
    for (int n = 0; n < columns; ++n) v[n] = vld1q_s8(x + n * x_stride);
    __builtin_prefetch(w + 512);
    if (rows == 8) __builtin_prefetch(w + 576);
    for (int i = 0; i < rows; ++i) {
      const int8x16_t weights = vld1q_s8(w + 16 * i);
      for (int n = 0; n < columns; ++n) sum[n][i] = multiply(sum[n][i], weights, v[n]);
    }
  }
  for (int n = 0; n < columns; ++n) {
    for (int i = 0; i < rows; i += 4) {
      store(start + i, sum[n] + i, acc + (size_t)n * acc_stride + (size_t)i);
    }
  }
}

void tfp_gemm_s8s32_r8k16_neonv7(const void *blocks_packed, size_t blocks, size_t depth,
                                 size_t batch, const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                                 size_t acc_stride) {
  const size_t steps = (depth + 15) / 16;
  const int32_t *start = blocks_packed;
  for (size_t b = 0; b < blocks; ++b) {
    const int8_t *w = (const int8_t *)(start + TFP_ROW_BLOCK);
    for (size_t half = 0; half < 2; ++half, w += 128 * steps, start += 8, acc += 8) {
      size_t n = 0;
      for (; n + 2 <= batch; n += 2) {
        const int8_t *column = x + (ptrdiff_t)n * x_stride;
        int32_t *out = acc + n * acc_stride;
        run_tile(4, 2, start, w, steps, column, x_stride, out, acc_stride);
        run_tile(4, 2, start + 4, w + 64, steps, column, x_stride, out + 4, acc_stride);
      }
      if (n < batch) {
        const int8_t *column = x + (ptrdiff_t)n * x_stride;
        run_tile(8, 1, start, w, steps, column, x_stride, acc + n * acc_stride, acc_stride);
      }
    }
    start = (const int32_t *)(const void *)w;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
