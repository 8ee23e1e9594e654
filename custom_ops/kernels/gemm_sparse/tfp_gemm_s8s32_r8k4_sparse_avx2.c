/* gemm of sparse weights with vpmaddubsw: a ymm register holds a tile of 8 rows and 4 columns.
 *
 * The unsigned operand is |x|, the signed one w or -w, where x is negative. Sparse weights are
 * never -128, so that the saturating addition of pairs is exact: 2 * 128 * 127 < 2^15. (The dense
 * kernel takes ~w and adds what it lacks once for all rows; here each row would lack something
 * else.) */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

#include "../common/tfp_bytes.h"

#define SPARSE_TARGET TFP_TARGET_AVX2
#define SPARSE_VECTORS 4

/* Each of both tiles has sums of its own. */
typedef struct tfp_sums {
  __m256i even, odd;
} tfp_sums;
typedef struct tfp_tiles {
  __m256i even, odd;
} tfp_tiles;

SPARSE_TARGET TFP_INLINE __m256i load(const void *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}

SPARSE_TARGET TFP_INLINE tfp_sums sums_zero(void) {
  return (tfp_sums){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

SPARSE_TARGET TFP_INLINE tfp_sums sums_add(tfp_sums a, tfp_sums b) {
  return (tfp_sums){_mm256_add_epi32(a.even, b.even), _mm256_add_epi32(a.odd, b.odd)};
}

SPARSE_TARGET TFP_INLINE void sums_store(tfp_sums s, const int32_t *start, int32_t *acc) {
  const __m256i sum = _mm256_add_epi32(s.even, s.odd);
  _mm256_storeu_si256((__m256i *)(void *)acc, _mm256_add_epi32(load(start), sum));
}

SPARSE_TARGET TFP_INLINE tfp_tiles tiles_load(const int8_t *w) {
  return (tfp_tiles){load(w), load(w + 32)};
}

SPARSE_TARGET TFP_INLINE __m256i multiply(__m256i sum, __m256i w, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  const __m256i v = _mm256_set1_epi32(four);
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(v), _mm256_sign_epi8(w, v));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

SPARSE_TARGET TFP_INLINE tfp_sums tiles_multiply(tfp_sums sums, tfp_tiles tiles, const int8_t *a,
                                                 const int8_t *b) {
  sums.even = multiply(sums.even, tiles.even, a);
  sums.odd = multiply(sums.odd, tiles.odd, b);
  return sums;
}

#include "../common/tfp_gemm_sparse.inc"

SPARSE_TARGET void tfp_gemm_s8s32_r8k4_sparse_avx2(const void *blocks_packed, size_t blocks,
                                                   size_t depth, size_t batch, const int8_t *x,
                                                   ptrdiff_t x_stride, int32_t *acc,
                                                   size_t acc_stride) {
  (void)depth;
  tfp_sparse_gemm(blocks_packed, blocks, batch, x, x_stride, acc, acc_stride);
}

#else
typedef int tfp_not_on_this_architecture;
#endif
