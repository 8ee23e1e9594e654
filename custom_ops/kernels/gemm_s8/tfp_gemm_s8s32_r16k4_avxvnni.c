/* gemm with vpdpbusd on ymm registers, two of which hold 4 columns of a block of 16 rows.
 *
 * x + 128 is the unsigned operand; the packed starts of the accumulators take 128 * sum(w) off
 * again. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AVXVNNI
#include "../common/tfp_dot_avxvnni.h"
#include "../common/tfp_prefetch_x86.h"

/* Tiles of 12 accumulators; weights, vectors and a constant take the rest of the 16 registers. */
enum { kTile = 6, kColumns = 2 };

TFP_TARGET_AVXVNNI TFP_INLINE void run_tile(const int tile, const int batch, const int8_t *blocks,
                                            size_t block_bytes, size_t groups, const int8_t *x,
                                            ptrdiff_t x_stride, int32_t *acc, size_t acc_stride) {
  const __m256i offset = _mm256_set1_epi8(-128);
  __m256i sum[kTile][kColumns][2];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    const int8_t *start = blocks + (size_t)t * block_bytes;
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      sum[t][n][0] = tfp_dot_load(start);
      sum[t][n][1] = tfp_dot_load(start + 32);
    }
  }
  tfp_prefetch_blocks(tile, blocks + (size_t)tile * block_bytes, block_bytes);
  const int8_t *w = blocks + 64;
  for (size_t k = 0; k < groups; ++k, w += 64, x += 4) {
    __m256i v[kColumns];
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      v[n] = _mm256_xor_si256(tfp_dot_broadcast(x + n * x_stride), offset);
    }
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        __m256i weights = tfp_dot_load(w + (size_t)t * block_bytes + 32 * half);
        if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) {
          sum[t][n][half] = TFP_DOT_AVXVNNI(sum[t][n][half], v[n], weights);
        }
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      tfp_dot_store(acc + (size_t)n * acc_stride + (size_t)t * 16, sum[t][n][0], sum[t][n][1]);
    }
  }
}

/* `tile` blocks times all columns, two or one at a time: the tile stays in the first-level
 * cache. */
TFP_TARGET_AVXVNNI TFP_INLINE void run_columns(const int wide, const int narrow, size_t batch,
                                               const int8_t *w, size_t bytes, size_t groups,
                                               const int8_t *x, ptrdiff_t x_stride, int32_t *acc,
                                               size_t acc_stride) {
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    for (int t = 0; t < wide; t += narrow) {
      run_tile(narrow, 2, w + (size_t)t * bytes, bytes, groups, x + (ptrdiff_t)n * x_stride,
               x_stride, acc + n * acc_stride + t * 16, acc_stride);
    }
  }
  if (n < batch) {
    run_tile(wide, 1, w, bytes, groups, x + (ptrdiff_t)n * x_stride, x_stride, acc + n * acc_stride,
             acc_stride);
  }
}

TFP_TARGET_AVXVNNI void tfp_gemm_s8s32_r16k4_avxvnni(const void *blocks_packed, size_t blocks,
                                                     size_t depth, size_t batch, const int8_t *x,
                                                     ptrdiff_t x_stride, int32_t *acc,
                                                     size_t acc_stride) {
  const int8_t *w = blocks_packed;
  const size_t groups = (depth + 3) / 4, bytes = 64 * (groups + 1);
  for (; blocks >= kTile; blocks -= kTile, w += kTile * bytes, acc += kTile * 16) {
    run_columns(kTile, kTile / 2, batch, w, bytes, groups, x, x_stride, acc, acc_stride);
  }
  if (blocks >= 3) {
    run_columns(3, 3, batch, w, bytes, groups, x, x_stride, acc, acc_stride);
    w += 3 * bytes;
    acc += 3 * 16;
    blocks -= 3;
  }
  for (; blocks > 0; --blocks, w += bytes, acc += 16) {
    run_columns(1, 1, batch, w, bytes, groups, x, x_stride, acc, acc_stride);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
