/* gemm for 32-bit Arm with weights of 4 or 2 bits, see tfp_pack_low_r4.h. Weights keep what was
 * added to them: 4 products of at most 15 * 128, or 8 of 3 * 128, are summed in 16 bits before
 * VPADAL widens them. What was added comes off with the sum of the column. */
#ifndef TFP_GEMM_LOW_NEONV7_H_
#define TFP_GEMM_LOW_NEONV7_H_

#include "../common/tfp_neonv7.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* Part `p` of each byte; the instruction wants literal counts, without optimization too. */
TFP_INLINE int8x16_t tfp_low_part(const int bits, const int p, uint8x16_t bytes) {
  switch (bits * p) {
    case 2:
      bytes = vshrq_n_u8(bytes, 2);
      break;
    case 4:
      bytes = vshrq_n_u8(bytes, 4);
      break;
    case 6:
      bytes = vshrq_n_u8(bytes, 6);
      break;
    default:
      break;
  }
  const bool highest = bits * (p + 1) == 8;
  const uint8x16_t mask = vdupq_n_u8((uint8_t)((1 << bits) - 1));
  return vreinterpretq_s8_u8(highest ? bytes : vandq_u8(bytes, mask));
}

/* 4 rows times one column; returns the four sums. */
TFP_INLINE int32x4_t tfp_low_rows(const int bits, const uint8_t *w, size_t steps, const int8_t *x) {
  const int parts = 8 / bits;
  int32x4_t sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = vdupq_n_s32(0);
  for (; steps > 0; --steps, w += 64, x += 16 * parts) {
    int8x16_t v[4];
    for (int p = 0; p < parts; ++p) v[p] = vld1q_s8(x + 16 * p);
    __builtin_prefetch(w + 512);
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t bytes = vld1q_u8(w + 16 * i);
      int16x8_t products = vdupq_n_s16(0);
      for (int p = 0; p < parts; ++p) {
        const int8x16_t part = tfp_low_part(bits, p, bytes);
        products = vmlal_s8(products, vget_low_s8(part), vget_low_s8(v[p]));
        products = vmlal_s8(products, vget_high_s8(part), vget_high_s8(v[p]));
      }
      sum[i] = vpadalq_s16(sum[i], products);
    }
  }
  int32x2_t pairs[4];
  for (int i = 0; i < 4; ++i) pairs[i] = vpadd_s32(vget_low_s32(sum[i]), vget_high_s32(sum[i]));
  return vcombine_s32(vpadd_s32(pairs[0], pairs[1]), vpadd_s32(pairs[2], pairs[3]));
}

TFP_INLINE void tfp_gemm_low_neonv7(const int bits, const void *blocks_packed, size_t blocks,
                                    size_t depth, size_t batch, const int8_t *x, ptrdiff_t x_stride,
                                    int32_t *acc, size_t acc_stride) {
  const size_t step = 128 / (size_t)bits, steps = (depth + step - 1) / step;
  int32_t offsets[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    int32_t sum = 0;
    for (size_t k = 0; k < steps * step; ++k) sum += x[(ptrdiff_t)n * x_stride + (ptrdiff_t)k];
    offsets[n] = -sum * (1 << (bits - 1));
  }
  const int32_t *start = blocks_packed;
  for (; blocks > 0; --blocks) {
    const uint8_t *w = (const uint8_t *)(start + TFP_ROW_BLOCK);
    for (int group = 0; group < 4; ++group, w += 64 * steps, start += 4, acc += 4) {
      for (size_t n = 0; n < batch; ++n) {
        const int32x4_t sums = tfp_low_rows(bits, w, steps, x + (ptrdiff_t)n * x_stride);
        const int32x4_t first = vaddq_s32(vld1q_s32(start), vdupq_n_s32(offsets[n]));
        vst1q_s32(acc + n * acc_stride, vaddq_s32(first, sums));
      }
    }
    start = (const int32_t *)(const void *)w;
  }
}

#endif
