/* gemm of sparse weights with SDOT: a tile of 8 rows and 4 columns is two registers, and the 4
 * values of x are one lane. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include <arm_neon.h>

#include "../common/tfp_bytes.h"

#define SPARSE_TARGET TFP_TARGET("arch=armv8.2-a+dotprod")
#define SPARSE_VECTORS 4

typedef struct tfp_sums {
  int32x4_t low, high;
} tfp_sums;
typedef struct tfp_tiles {
  int8x16_t rows[4];
} tfp_tiles;

SPARSE_TARGET TFP_INLINE tfp_sums sums_zero(void) {
  return (tfp_sums){vdupq_n_s32(0), vdupq_n_s32(0)};
}

SPARSE_TARGET TFP_INLINE tfp_sums sums_add(tfp_sums a, tfp_sums b) {
  return (tfp_sums){vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)};
}

SPARSE_TARGET TFP_INLINE void sums_store(tfp_sums s, const int32_t *start, int32_t *acc) {
  vst1q_s32(acc, vaddq_s32(vld1q_s32(start), s.low));
  vst1q_s32(acc + 4, vaddq_s32(vld1q_s32(start + 4), s.high));
}

SPARSE_TARGET TFP_INLINE tfp_tiles tiles_load(const int8_t *w) {
  return (tfp_tiles){{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};
}

/* The 4 values at `x`, which has no alignment, in lane 0. */
SPARSE_TARGET TFP_INLINE int8x8_t lane(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpret_s8_s32(vset_lane_s32(four, vdup_n_s32(0), 0));
}

SPARSE_TARGET TFP_INLINE tfp_sums tiles_multiply(tfp_sums sums, tfp_tiles tiles, const int8_t *a,
                                                 const int8_t *b) {
  const int8x8_t first = lane(a), second = lane(b);
  sums.low = vdotq_lane_s32(sums.low, tiles.rows[0], first, 0);
  sums.high = vdotq_lane_s32(sums.high, tiles.rows[1], first, 0);
  sums.low = vdotq_lane_s32(sums.low, tiles.rows[2], second, 0);
  sums.high = vdotq_lane_s32(sums.high, tiles.rows[3], second, 0);
  return sums;
}

#include "../common/tfp_gemm_sparse.inc"

SPARSE_TARGET void tfp_gemm_s8s32_r8k4_sparse_neondot(const void *blocks_packed, size_t blocks,
                                                      size_t depth, size_t batch, const int8_t *x,
                                                      ptrdiff_t x_stride, int32_t *acc,
                                                      size_t acc_stride) {
  (void)depth;
  tfp_sparse_gemm(blocks_packed, blocks, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
