/* gemm with vpmaddubsw: two ymm registers hold 4 columns of a block of 16 rows.
 *
 * The unsigned operand is |x|. The signed one is w, or ~w where x is negative: |x| * ~w is
 * x * w - |x|, so the sum of those |x|, the same for every row, is added once at the end. (With
 * vpsignb in place of the xor there would be nothing to add, but that instruction takes the two
 * ports that the multiplications need.) The saturating addition of pairs is exact: |x| <= 128
 * and -128 <= ~w <= 127, so a pair lies in [-32768, 32512]. */
#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

#include "../common/tfp_panels_x86.h"

enum { kTile = 6 };

TFP_TARGET_AVX2 TFP_INLINE __m256i broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}

TFP_TARGET_AVX2 TFP_INLINE __m256i load(const int8_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The sum of |x| over the negative x of a column, in all 8 lanes. */
TFP_TARGET_AVX2 TFP_INLINE __m256i negative_part(const int8_t *x, size_t groups) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sum = zero;
  size_t k = 0;
  for (; k + 8 <= groups; k += 8) {
    /* max(-x, 0) as unsigned bytes: -128 becomes 128 */
    const __m256i v = load(x + 4 * k);
    const __m256i part = _mm256_and_si256(_mm256_abs_epi8(v), _mm256_cmpgt_epi8(zero, v));
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(part, zero));
  }
  __m128i total = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  for (; k < groups; ++k) {
    int32_t four;
    memcpy(&four, x + 4 * k, sizeof four);
    const __m128i v = _mm_cvtsi32_si128(four);
    const __m128i part = _mm_and_si128(_mm_abs_epi8(v), _mm_cmpgt_epi8(_mm_setzero_si128(), v));
    total = _mm_add_epi64(total, _mm_sad_epu8(part, _mm_setzero_si128()));
  }
  total = _mm_add_epi64(total, _mm_unpackhi_epi64(total, total));
  return _mm256_broadcastd_epi32(total);
}

/* `groups` steps of a panel of `tile` blocks times one column. The first ones begin with the starts
 * of the panel and the column's negative part, later ones with the sums so far. */
TFP_TARGET_AVX2 TFP_INLINE void run_tile(const int tile, const int8_t *starts,
                                         const __m256i *negative_part, const int8_t *w,
                                         size_t groups, const int8_t *x, int32_t *acc) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[kTile][2];
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    TFP_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int at = t * TFP_ROW_BLOCK + 8 * half;
      if (starts != NULL) {
        sum[t][half] = _mm256_add_epi32(load(starts + 4 * at), *negative_part);
      } else {
        sum[t][half] = load((const int8_t *)(acc + at));
      }
    }
  }
  for (size_t k = 0; k < groups; ++k, w += 64 * tile, x += 4) {
    const __m256i v = broadcast(x);
    const __m256i size = _mm256_abs_epi8(v);
    const __m256i negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), v);
    TFP_UNROLL
    for (int t = 0; t < tile; ++t) {
      TFP_UNROLL
      for (int half = 0; half < 2; ++half) {
        const __m256i weights = load(w + 64 * t + 32 * half);
        const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_xor_si256(negative, weights));
        sum[t][half] = _mm256_add_epi32(sum[t][half], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  TFP_UNROLL
  for (int t = 0; t < tile; ++t) {
    _mm256_storeu_si256((__m256i *)(void *)(acc + t * TFP_ROW_BLOCK), sum[t][0]);
    _mm256_storeu_si256((__m256i *)(void *)(acc + t * TFP_ROW_BLOCK + 8), sum[t][1]);
  }
}

TFP_TARGET_AVX2 TFP_INLINE void run_panel(size_t width, const int8_t *starts,
                                          const __m256i *negative_part, const int8_t *w,
                                          size_t groups, const int8_t *x, int32_t *acc) {
  switch (width) {
    case 6:
      run_tile(6, starts, negative_part, w, groups, x, acc);
      break;
    case 4:
      run_tile(4, starts, negative_part, w, groups, x, acc);
      break;
    case 3:
      run_tile(3, starts, negative_part, w, groups, x, acc);
      break;
    case 2:
      run_tile(2, starts, negative_part, w, groups, x, acc);
      break;
    default:
      run_tile(1, starts, negative_part, w, groups, x, acc);
      break;
  }
}

/* Columns take turns over a panel: a weight takes two products, a sum and an xor for each of them,
 * and there is nothing that they could share but its load. Where a panel does not stay in the
 * first-level cache the turns are over parts of it: else no weights would come in from afar during
 * most of them. */
TFP_TARGET_AVX2 void tfp_gemm_s8s32_r16k4_avx2(const void *blocks_packed, size_t blocks,
                                               size_t depth, size_t batch, const int8_t *x,
                                               ptrdiff_t x_stride, int32_t *acc,
                                               size_t acc_stride) {
  enum { kWhole = 160, kPart = 16 };
  const int8_t *panel = blocks_packed;
  const size_t groups = (depth + 3) / 4, most = batch == 1 || groups <= kWhole ? groups : kPart;
  __m256i parts[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    parts[n] = negative_part(x + (ptrdiff_t)n * x_stride, groups);
  }
  while (blocks > 0) {
    const size_t width = tfp_first_panel(tfp_panels_s8_avx2, blocks);
    for (size_t k = 0; k < groups; k += most) {
      const size_t now = groups - k < most ? groups - k : most;
      for (size_t n = 0; n < batch; ++n) {
        run_panel(width, k == 0 ? panel : NULL, &parts[n], panel + 64 * width * (k + 1), now,
                  x + (ptrdiff_t)n * x_stride + 4 * k, acc + n * acc_stride);
      }
    }
    panel += 64 * width * (groups + 1);
    acc += TFP_ROW_BLOCK * width;
    blocks -= width;
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
