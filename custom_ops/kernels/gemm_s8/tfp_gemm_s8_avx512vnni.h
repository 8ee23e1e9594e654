/* gemm with vpdpbusd: a zmm register holds 4 columns of a block of 16 rows, and up to 6 blocks of
 * a panel are multiplied side by side.
 *
 * The instruction multiplies unsigned by signed bytes: x + 128 is the unsigned operand, and the
 * packed starts of the accumulators take 128 * sum(w) off again.
 *
 * Sums go where a sink says, while the multiplications of the next tile have begun. */
#ifndef TFP_GEMM_S8_AVX512VNNI_H_
#define TFP_GEMM_S8_AVX512VNNI_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_panels_x86.h"
#include "../common/tfp_prefetch_x86.h"
#include "../common/tfp_sink_avx512.h"

/* Where the sum of column `n` starts. A packed start is -128 * sum(w), as the zero point of floats
 * is known only now: -(128 + zero point) * sum(w) takes that off too, with no second look at
 * memory. */
TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_sink_start(const tfp_sink_kind kind,
                                                        const tfp_sink *sink, const int n,
                                                        __m512i start) {
  if (kind != kTfpFloats) return start;
  const __m512i factor = _mm512_set1_epi32(128 + sink->x[n].zero_point);
  return _mm512_mullo_epi32(_mm512_srai_epi32(start, 7), factor);
}

TFP_TARGET_AVX512VNNI TFP_INLINE __m512i tfp_s8_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi8(-128));
}

/* Where a panel of weights is read, and what it is multiplied with. */
typedef struct tfp_s8_place {
  const int8_t *w, *x;
} tfp_s8_place;

/* `steps` steps of a panel of `tile` blocks, in `strands` parts of its depth side by side: more
 * columns need so much time for a line of weights that the processor does not look far enough ahead
 * in one stream to keep a far cache busy. The columns of x are `x_stride` apart. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_steps(const int tile, const int batch,
                                                   const int strands, size_t steps,
                                                   tfp_s8_place *at, ptrdiff_t x_stride,
                                                   __m512i sum[6][4]) {
  const int8_t *w = at->w, *x = at->x;
  const size_t weights_apart = 64 * (size_t)tile * steps, x_apart = 4 * steps;
  for (size_t k = 0; k < steps; ++k, w += 64 * tile, x += 4) {
    TFP_UNROLL
    for (int part = 0; part < strands; ++part) {
      __m512i v[4];
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        v[n] = tfp_s8_broadcast(x + n * x_stride + (size_t)part * x_apart);
      }
      if (batch == 1) tfp_prefetch_ahead(w);
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        __m512i weights = _mm512_loadu_si512(w + 64 * t + (size_t)part * weights_apart);
        if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) sum[t][n] = _mm512_dpbusd_epi32(sum[t][n], v[n], weights);
      }
    }
  }
  at->w += weights_apart * (size_t)strands;
  at->x += x_apart * (size_t)strands;
}

/* A panel of `tile` blocks times `batch` columns. Few accumulators wait for the latency of the
 * products: then every second step has a set of its own. Only the widest panel has strands:
 * narrower ones are the end of a matrix. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_panel(const tfp_sink_kind kind, const int tile,
                                                   const int batch, const int8_t *panel,
                                                   size_t groups, const int8_t *x,
                                                   ptrdiff_t x_stride, const tfp_sink *sink) {
  enum { kStrands = 4, kWorthStrands = 48 };
  const bool two_sets = batch == 1 && tile < 6;
  tfp_s8_place at = {panel + 64 * tile, x};
  __m512i sum[6][4], second[6][4];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    const __m512i start = _mm512_loadu_si512(panel + 64 * t);
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      sum[t][n] = tfp_sink_start(kind, sink, n, start);
      second[t][n] = _mm512_setzero_si512();
    }
  }
  size_t left = groups;
  if (two_sets) {
    for (; left >= 2; left -= 2) {
      tfp_s8_steps(tile, batch, 1, 1, &at, x_stride, sum);
      tfp_s8_steps(tile, batch, 1, 1, &at, x_stride, second);
    }
  } else if (tile == 6 && batch > 1 && groups >= kWorthStrands) {
    tfp_s8_steps(tile, batch, kStrands, groups / kStrands, &at, x_stride, sum);
    left = groups % kStrands;
  }
  tfp_s8_steps(tile, batch, 1, left, &at, x_stride, sum);
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      if (two_sets) sum[t][n] = _mm512_add_epi32(sum[t][n], second[t][n]);
      /* Else what the sink needs takes the registers that the loop above is short of. */
      TFP_KEEP_IN_REGISTER(sum[t][n]);
    }
    tfp_sink_take(kind, sink, t, batch, sum[t]);
  }
}

/* A panel of any width times `batch` columns. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_widths(const tfp_sink_kind kind, const int batch,
                                                    size_t width, const int8_t *panel,
                                                    size_t groups, const int8_t *x,
                                                    ptrdiff_t x_stride, const tfp_sink *sink) {
  switch (width) {
    case 6:
      tfp_s8_panel(kind, 6, batch, panel, groups, x, x_stride, sink);
      break;
    case 4:
      tfp_s8_panel(kind, 4, batch, panel, groups, x, x_stride, sink);
      break;
    case 2:
      tfp_s8_panel(kind, 2, batch, panel, groups, x, x_stride, sink);
      break;
    default:
      tfp_s8_panel(kind, 1, batch, panel, groups, x, x_stride, sink);
      break;
  }
}

/* All panels times one to four columns. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_few(const tfp_sink_kind kind, const int batch,
                                                 const int8_t *panel, size_t blocks, size_t groups,
                                                 const int8_t *x, ptrdiff_t x_stride,
                                                 tfp_sink sink) {
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_s8_zmm, blocks);
    tfp_s8_widths(kind, batch, width, panel, groups, x, x_stride, &sink);
    sink = tfp_sink_after(kind, sink, width);
    panel += 64 * width * (groups + 1);
    blocks -= width;
  }
}

/* All panels times more columns, which take turns over a panel: it is in a near cache then. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_many(const tfp_sink_kind kind, size_t batch,
                                                  const int8_t *panel, size_t blocks, size_t groups,
                                                  const int8_t *x, ptrdiff_t x_stride,
                                                  tfp_sink sink) {
  const size_t columns = (batch + 1) / 2; /* 5 are 3 and 2, not 4 and 1 */
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_s8_zmm, blocks);
    for (size_t n = 0; n < batch; n += columns) {
      const tfp_sink to = tfp_sink_column(kind, sink, n);
      const int8_t *first = x + (ptrdiff_t)n * x_stride;
      switch (n == 0 ? columns : batch - columns) {
        case 2:
          tfp_s8_widths(kind, 2, width, panel, groups, first, x_stride, &to);
          break;
        case 3:
          tfp_s8_widths(kind, 3, width, panel, groups, first, x_stride, &to);
          break;
        default:
          tfp_s8_widths(kind, 4, width, panel, groups, first, x_stride, &to);
          break;
      }
    }
    sink = tfp_sink_after(kind, sink, width);
    panel += 64 * width * (groups + 1);
    blocks -= width;
  }
}

TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_gemm_s8_avx512vnni(const tfp_sink_kind kind,
                                                             const void *blocks_packed,
                                                             size_t blocks, size_t depth,
                                                             size_t batch, const int8_t *x,
                                                             ptrdiff_t x_stride, tfp_sink sink) {
  const size_t groups = (depth + 3) / 4;
  switch (batch) {
    case 1:
      tfp_s8_few(kind, 1, blocks_packed, blocks, groups, x, x_stride, sink);
      break;
    case 2:
      tfp_s8_few(kind, 2, blocks_packed, blocks, groups, x, x_stride, sink);
      break;
    case 3:
      tfp_s8_few(kind, 3, blocks_packed, blocks, groups, x, x_stride, sink);
      break;
    case 4:
      tfp_s8_few(kind, 4, blocks_packed, blocks, groups, x, x_stride, sink);
      break;
    default:
      tfp_s8_many(kind, batch, blocks_packed, blocks, groups, x, x_stride, sink);
      break;
  }
}

#endif
