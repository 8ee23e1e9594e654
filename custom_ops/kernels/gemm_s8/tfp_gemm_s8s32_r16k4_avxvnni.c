/* gemm with vpdpbusd on ymm registers, two of which hold 4 columns of a block of 16 rows.
 *
 * x + 128 is the unsigned operand; the packed starts of the accumulators take 128 * sum(w) off
 * again. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AVXVNNI
#include "../common/tfp_dot_avxvnni.h"
#include "../common/tfp_panels_x86.h"
#include "../common/tfp_prefetch_x86.h"

/* Tiles of 12 accumulators; weights, vectors and a constant take the rest of the 16 registers. */
enum { kTile = 3, kSets = 2 };

/* A panel of `tile` blocks times one or two columns. One column has two sets of accumulators,
 * because few chains of this instruction wait for its latency. */
TFP_TARGET_AVXVNNI TFP_INLINE void run_tile(const int tile, const int batch, const int8_t *panel,
                                            size_t groups, const int8_t *x, ptrdiff_t x_stride,
                                            int32_t *acc, size_t acc_stride) {
  const int phases = batch == 1 ? 2 : 1;
  const __m256i offset = _mm256_set1_epi8(-128);
  const int8_t *w = panel + 64 * tile;
  __m256i sum[kSets][kTile][2]; /* of a column, or of every second step */
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int half = 0; half < 2; ++half) {
      sum[0][t][half] = tfp_dot_load(panel + 64 * t + 32 * half);
      sum[1][t][half] = batch > 1 ? sum[0][t][half] : _mm256_setzero_si256();
    }
  }
  size_t k = 0;
  for (; k + (size_t)phases <= groups;
       k += (size_t)phases, w += 64 * tile * phases, x += 4 * phases) {
    if (batch == 1) tfp_prefetch_ahead(w);
    TFP_UNROLL
    for (int p = 0; p < phases; ++p) {
      __m256i v[kSets];
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        v[n] = _mm256_xor_si256(tfp_dot_broadcast(x + n * x_stride + 4 * p), offset);
      }
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        TFP_UNROLL
        for (int half = 0; half < 2; ++half) {
          __m256i weights = tfp_dot_load(w + 64 * (t + tile * p) + 32 * half);
          if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
          TFP_UNROLL
          for (int n = 0; n < batch; ++n) {
            sum[p + n][t][half] = TFP_DOT_AVXVNNI(sum[p + n][t][half], v[n], weights);
          }
        }
      }
    }
  }
  if (phases == 2 && k < groups) {
    const __m256i v = _mm256_xor_si256(tfp_dot_broadcast(x), offset);
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        const __m256i weights = tfp_dot_load(w + 64 * t + 32 * half);
        sum[0][t][half] = TFP_DOT_AVXVNNI(sum[0][t][half], v, weights);
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int half = 0; half < 2; ++half) {
      /* Else what comes after the loop takes the registers that it is short of. */
      TFP_KEEP_IN_REGISTER(sum[0][t][half]);
      TFP_KEEP_IN_REGISTER(sum[1][t][half]);
      if (phases == 2) sum[0][t][half] = _mm256_add_epi32(sum[0][t][half], sum[1][t][half]);
    }
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      tfp_dot_store(acc + (size_t)n * acc_stride + t * TFP_ROW_BLOCK, sum[n][t][0], sum[n][t][1]);
    }
  }
}

/* A panel of `width` blocks times all columns, two or one at a time: it stays in the first-level
 * cache. */
TFP_TARGET_AVXVNNI TFP_INLINE void run_panel(const int width, size_t batch, const int8_t *panel,
                                             size_t groups, const int8_t *x, ptrdiff_t x_stride,
                                             int32_t *acc, size_t acc_stride) {
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    run_tile(width, 2, panel, groups, x + (ptrdiff_t)n * x_stride, x_stride, acc + n * acc_stride,
             acc_stride);
  }
  if (n < batch) {
    run_tile(width, 1, panel, groups, x + (ptrdiff_t)n * x_stride, x_stride, acc + n * acc_stride,
             acc_stride);
  }
}

TFP_TARGET_AVXVNNI void tfp_gemm_s8s32_r16k4_avxvnni(const void *blocks_packed, size_t blocks,
                                                     size_t depth, size_t batch, const int8_t *x,
                                                     ptrdiff_t x_stride, int32_t *acc,
                                                     size_t acc_stride) {
  const int8_t *w = blocks_packed;
  const size_t groups = (depth + 3) / 4;
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_s8_ymm, blocks);
    switch (width) {
      case 3:
        run_panel(3, batch, w, groups, x, x_stride, acc, acc_stride);
        break;
      case 2:
        run_panel(2, batch, w, groups, x, x_stride, acc, acc_stride);
        break;
      default:
        run_panel(1, batch, w, groups, x, x_stride, acc, acc_stride);
        break;
    }
    w += 64 * width * (groups + 1);
    acc += 16 * width;
    blocks -= width;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
