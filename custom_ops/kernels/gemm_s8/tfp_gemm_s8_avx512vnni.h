/* gemm with vpdpbusd: a zmm register holds 4 columns of a block of 16 rows, and up to 12 blocks of
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

/* A part of the depth of a panel: its columns of x and steps of weights. Sums go on from what the
 * part before it has left in `kept`, and stay there unless it is the last one. */
typedef struct tfp_s8_part {
  const int8_t *starts, *w, *x;
  size_t groups;
  int32_t *kept; /* [columns][tile][16]; not used where a part is first and last */
  bool is_first, is_last;
} tfp_s8_part;

/* `tile` blocks, which are a panel, times `batch` columns. `phases` 2 keeps two sets of
 * accumulators, because few chains of this instruction wait for its latency. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_tile(const tfp_sink_kind kind, const int tile,
                                                  const int batch, const int phases,
                                                  const tfp_s8_part *part, ptrdiff_t x_stride,
                                                  const tfp_sink *sink) {
  const int8_t *w = part->w, *x = part->x;
  __m512i sum[2][6][4];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    const __m512i start = _mm512_loadu_si512(part->starts + 64 * t);
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      sum[0][t][n] = tfp_sink_start(kind, sink, n, start);
      if (phases == 2) sum[1][t][n] = _mm512_setzero_si512();
    }
  }
  if (batch > 1 && !part->is_first) {
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        sum[0][t][n] = _mm512_loadu_si512(part->kept + (n * tile + t) * TFP_ROW_BLOCK);
      }
    }
  }
  size_t k = 0;
  for (; k + (size_t)phases <= part->groups; k += (size_t)phases) {
    TFP_UNROLL
    for (int p = 0; p < phases; ++p) {
      __m512i v[4];
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) v[n] = tfp_s8_broadcast(x + n * x_stride + 4 * p);
      if (batch == 1) tfp_prefetch_ahead(w + 64 * tile * p);
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        __m512i weights = _mm512_loadu_si512(w + 64 * t + 64 * tile * p);
        if (batch > 1) TFP_KEEP_IN_REGISTER(weights);
        TFP_UNROLL
        for (int n = 0; n < batch; ++n) {
          sum[p][t][n] = _mm512_dpbusd_epi32(sum[p][t][n], v[n], weights);
        }
      }
    }
    w += 64 * tile * phases;
    x += 4 * phases;
  }
  if (phases == 2 && k < part->groups) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      const __m512i v = tfp_s8_broadcast(x + n * x_stride);
      TFP_UNROLL
      for (int t = 0; t < tile; ++t) {
        const __m512i weights = _mm512_loadu_si512(w + 64 * t);
        sum[0][t][n] = _mm512_dpbusd_epi32(sum[0][t][n], v, weights);
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int n = 0; n < batch; ++n) {
      if (phases == 2) sum[0][t][n] = _mm512_add_epi32(sum[0][t][n], sum[1][t][n]);
      /* Else what the sink needs takes the registers that the loop above is short of. */
      TFP_KEEP_IN_REGISTER(sum[0][t][n]);
    }
  }
  if (batch > 1 && !part->is_last) {
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int n = 0; n < batch; ++n) {
        _mm512_storeu_si512(part->kept + (n * tile + t) * TFP_ROW_BLOCK, sum[0][t][n]);
      }
    }
    return;
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) tfp_sink_take(kind, sink, t, batch, sum[0][t]);
}

/* A panel of any width times `batch` columns. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_panel(const tfp_sink_kind kind, const int batch,
                                                   size_t width, const tfp_s8_part *part,
                                                   ptrdiff_t x_stride, const tfp_sink *sink) {
  switch (width) {
    case 6:
      tfp_s8_tile(kind, 6, batch, 1, part, x_stride, sink);
      break;
    case 4:
      tfp_s8_tile(kind, 4, batch, batch == 1 ? 2 : 1, part, x_stride, sink);
      break;
    case 2:
      tfp_s8_tile(kind, 2, batch, batch < 3 ? 2 : 1, part, x_stride, sink);
      break;
    default:
      tfp_s8_tile(kind, 1, batch, 2, part, x_stride, sink);
      break;
  }
}

/* A part of a panel times two to four columns. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_columns(const tfp_sink_kind kind, size_t batch,
                                                     size_t width, const tfp_s8_part *part,
                                                     ptrdiff_t x_stride, const tfp_sink *sink) {
  switch (batch) {
    case 2:
      tfp_s8_panel(kind, 2, width, part, x_stride, sink);
      break;
    case 3:
      tfp_s8_panel(kind, 3, width, part, x_stride, sink);
      break;
    default:
      tfp_s8_panel(kind, 4, width, part, x_stride, sink);
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
    const tfp_s8_part part = {.starts = panel,
                              .w = panel + 64 * width,
                              .x = x,
                              .groups = groups,
                              .is_first = true,
                              .is_last = true};
    tfp_s8_panel(kind, batch, width, &part, x_stride, &sink);
    sink = tfp_sink_after(kind, sink, width);
    panel += 64 * width * (groups + 1);
    blocks -= width;
  }
}

/* All panels times more columns, which take turns over a panel. Where it does not stay in the
 * first-level cache they do over parts of it: else no weights would come in from afar during every
 * second turn. */
TFP_TARGET_AVX512VNNI TFP_INLINE void tfp_s8_many(const tfp_sink_kind kind, size_t batch,
                                                  const int8_t *panel, size_t blocks, size_t groups,
                                                  const int8_t *x, ptrdiff_t x_stride,
                                                  tfp_sink sink) {
  enum { kWhole = 160, kPart = 16 };
  /* 5 columns are 3 and 2, not 4 and 1. */
  const size_t columns = (batch + 1) / 2, most = groups > kWhole ? kPart : groups;
  int32_t kept[TFP_MAX_BATCH * TFP_MAX_PANEL * TFP_ROW_BLOCK];
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_s8_zmm, blocks);
    tfp_s8_part part = {.starts = panel, .w = panel + 64 * width};
    for (size_t k = 0; k < groups; k += most, part.w += 64 * width * most) {
      part.groups = groups - k < most ? groups - k : most;
      part.is_first = k == 0;
      part.is_last = k + most >= groups;
      for (size_t n = 0; n < batch; n += columns) {
        const tfp_sink to = tfp_sink_column(kind, sink, n);
        part.x = x + (ptrdiff_t)n * x_stride + 4 * k;
        part.kept = kept + n * width * TFP_ROW_BLOCK;
        tfp_s8_columns(kind, n == 0 ? columns : batch - columns, width, &part, x_stride, &to);
      }
    }
    sink = tfp_sink_after(kind, sink, width);
    panel += 64 * width * (groups + 1);
    blocks -= width;
  }
}

/* The weights are read as one stream, whatever the batch. */
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
