/* Sums of sparse weights for NEON without dot products, 64-bit and 32-bit: SMULL and SMLAL add the
 * products of two tiles in 16 bits (|w| <= 127: 2 * 128 * 127 < 2^15), SADALP widens and adds
 * pairs. A register holds two rows, each in two halves. */
#ifndef TFP_SPARSE_NEON_H_
#define TFP_SPARSE_NEON_H_

#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

typedef struct tfp_sums {
  int32x4_t pairs[4];
} tfp_sums;
/* 4 rows each: rows 0..3 and 4..7 of the first tile, then of the second one. */
typedef struct tfp_tiles {
  int8x16_t rows[4];
} tfp_tiles;

TFP_INLINE tfp_sums sums_zero(void) {
  const int32x4_t zero = vdupq_n_s32(0);
  return (tfp_sums){{zero, zero, zero, zero}};
}

TFP_INLINE tfp_sums sums_add(tfp_sums a, tfp_sums b) {
  tfp_sums sum;
  TFP_UNROLL
  for (int i = 0; i < 4; ++i) sum.pairs[i] = vaddq_s32(a.pairs[i], b.pairs[i]);
  return sum;
}

TFP_INLINE void sums_store(tfp_sums s, const int32_t *start, int32_t *acc) {
  TFP_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int32x2_t rows = vpadd_s32(vget_low_s32(s.pairs[i]), vget_high_s32(s.pairs[i]));
    vst1_s32(acc + 2 * i, vadd_s32(vld1_s32(start + 2 * i), rows));
  }
}

TFP_INLINE tfp_tiles tiles_load(const int8_t *w) {
  return (tfp_tiles){{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};
}

/* The 4 values at `x`, which has no alignment, twice. */
TFP_INLINE int8x8_t tfp_sparse_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpret_s8_s32(vdup_n_s32(four));
}

TFP_INLINE tfp_sums tiles_multiply(tfp_sums sums, tfp_tiles tiles, const int8_t *a,
                                   const int8_t *b) {
  const int8x8_t first = tfp_sparse_broadcast(a), second = tfp_sparse_broadcast(b);
  TFP_UNROLL
  for (int i = 0; i < 2; ++i) {
    int16x8_t low = vmull_s8(vget_low_s8(tiles.rows[i]), first);
    int16x8_t high = vmull_s8(vget_high_s8(tiles.rows[i]), first);
    low = vmlal_s8(low, vget_low_s8(tiles.rows[2 + i]), second);
    high = vmlal_s8(high, vget_high_s8(tiles.rows[2 + i]), second);
    sums.pairs[2 * i] = vpadalq_s16(sums.pairs[2 * i], low);
    sums.pairs[2 * i + 1] = vpadalq_s16(sums.pairs[2 * i + 1], high);
  }
  return sums;
}

#endif
