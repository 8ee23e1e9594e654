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
#include "../common/tfp_prefetch_x86.h"

enum { kTile = 6, kColumns = 2 };

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

/* `tile` blocks times `batch` columns; `negative_parts` holds one vector a column. */
TFP_TARGET_AVX2 TFP_INLINE void run_tile(const int tile, const int batch, const int8_t *blocks,
                                         size_t block_bytes, size_t groups, const int8_t *x,
                                         ptrdiff_t x_stride, const __m256i *negative_parts,
                                         int32_t *acc, size_t acc_stride) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[kTile][kColumns][2];
  for (int t = 0; t < tile; ++t) {
    const int8_t *start = blocks + (size_t)t * block_bytes;
    for (int n = 0; n < batch; ++n) {
      sum[t][n][0] = _mm256_add_epi32(load(start), negative_parts[n]);
      sum[t][n][1] = _mm256_add_epi32(load(start + 32), negative_parts[n]);
    }
  }
  tfp_prefetch_blocks(tile, blocks + (size_t)tile * block_bytes, block_bytes);
  const int8_t *w = blocks + 64;
  for (size_t k = 0; k < groups; ++k, w += 64, x += 4) {
    for (int n = 0; n < batch; ++n) {
      const __m256i v = broadcast(x + n * x_stride);
      const __m256i size = _mm256_abs_epi8(v);
      const __m256i negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), v);
      for (int t = 0; t < tile; ++t) {
        for (int half = 0; half < 2; ++half) {
          const __m256i weights = load(w + (size_t)t * block_bytes + 32 * half);
          const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_xor_si256(negative, weights));
          sum[t][n][half] = _mm256_add_epi32(sum[t][n][half], _mm256_madd_epi16(pairs, ones));
        }
      }
    }
  }
  for (int t = 0; t < tile; ++t) {
    for (int n = 0; n < batch; ++n) {
      int32_t *out = acc + (size_t)n * acc_stride + (size_t)t * 16;
      _mm256_storeu_si256((__m256i *)(void *)out, sum[t][n][0]);
      _mm256_storeu_si256((__m256i *)(void *)(out + 8), sum[t][n][1]);
    }
  }
}

/* `tile` blocks times all columns, two or one at a time: the tile stays in the first-level
 * cache. */
TFP_TARGET_AVX2 TFP_INLINE void run_columns(const int wide, const int narrow, size_t batch,
                                            const int8_t *w, size_t bytes, size_t groups,
                                            const int8_t *x, ptrdiff_t x_stride,
                                            const __m256i *negative_parts, int32_t *acc,
                                            size_t acc_stride) {
  size_t n = 0;
  for (; n + 2 <= batch; n += 2) {
    for (int t = 0; t < wide; t += narrow) {
      run_tile(narrow, 2, w + (size_t)t * bytes, bytes, groups, x + (ptrdiff_t)n * x_stride,
               x_stride, negative_parts + n, acc + n * acc_stride + t * 16, acc_stride);
    }
  }
  if (n < batch) {
    run_tile(wide, 1, w, bytes, groups, x + (ptrdiff_t)n * x_stride, x_stride, negative_parts + n,
             acc + n * acc_stride, acc_stride);
  }
}

TFP_TARGET_AVX2 void tfp_gemm_s8s32_r16k4_avx2(const void *blocks_packed, size_t blocks,
                                               size_t depth, size_t batch, const int8_t *x,
                                               ptrdiff_t x_stride, int32_t *acc,
                                               size_t acc_stride) {
  const int8_t *w = blocks_packed;
  const size_t groups = (depth + 3) / 4, bytes = 64 * (groups + 1);
  __m256i negative_parts[TFP_MAX_BATCH];
  for (size_t n = 0; n < batch; ++n) {
    negative_parts[n] = negative_part(x + (ptrdiff_t)n * x_stride, groups);
  }
  for (; blocks >= kTile; blocks -= kTile) {
    run_columns(kTile, kTile / 2, batch, w, bytes, groups, x, x_stride, negative_parts, acc,
                acc_stride);
    w += kTile * bytes;
    acc += kTile * 16;
  }
  if (blocks >= 3) {
    run_columns(3, 3, batch, w, bytes, groups, x, x_stride, negative_parts, acc, acc_stride);
    w += 3 * bytes;
    acc += 3 * 16;
    blocks -= 3;
  }
  for (; blocks > 0; --blocks, w += bytes, acc += 16) {
    run_columns(1, 1, batch, w, bytes, groups, x, x_stride, negative_parts, acc, acc_stride);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
