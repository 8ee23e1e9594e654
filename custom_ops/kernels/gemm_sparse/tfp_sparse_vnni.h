/* Sums of sparse weights with vpdpbusd on ymm registers, each of which holds a tile of 8 rows and 4
 * columns. x + 128 is the unsigned operand; the packed starts take 128 * sum(w) off again.
 *
 * Before this file a kernel defines SPARSE_TARGET and SPARSE_DOT. */
#ifndef TFP_SPARSE_VNNI_H_
#define TFP_SPARSE_VNNI_H_

#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

/* Each of both tiles has sums of its own. */
typedef struct tfp_sums {
  __m256i even, odd;
} tfp_sums;
typedef struct tfp_tiles {
  __m256i even, odd;
} tfp_tiles;

SPARSE_TARGET TFP_INLINE __m256i tfp_sparse_load(const void *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}

SPARSE_TARGET TFP_INLINE __m256i tfp_sparse_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm256_xor_si256(_mm256_set1_epi32(four), _mm256_set1_epi8(-128));
}

SPARSE_TARGET TFP_INLINE tfp_sums sums_zero(void) {
  return (tfp_sums){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

SPARSE_TARGET TFP_INLINE tfp_sums sums_add(tfp_sums a, tfp_sums b) {
  return (tfp_sums){_mm256_add_epi32(a.even, b.even), _mm256_add_epi32(a.odd, b.odd)};
}

SPARSE_TARGET TFP_INLINE void sums_store(tfp_sums s, const int32_t *start, int32_t *acc) {
  const __m256i sum = _mm256_add_epi32(s.even, s.odd);
  _mm256_storeu_si256((__m256i *)(void *)acc, _mm256_add_epi32(tfp_sparse_load(start), sum));
}

SPARSE_TARGET TFP_INLINE tfp_tiles tiles_load(const int8_t *w) {
  return (tfp_tiles){tfp_sparse_load(w), tfp_sparse_load(w + 32)};
}

SPARSE_TARGET TFP_INLINE tfp_sums tiles_multiply(tfp_sums sums, tfp_tiles tiles, const int8_t *a,
                                                 const int8_t *b) {
  sums.even = SPARSE_DOT(sums.even, tfp_sparse_broadcast(a), tiles.even);
  sums.odd = SPARSE_DOT(sums.odd, tfp_sparse_broadcast(b), tiles.odd);
  TFP_KEEP_IN_REGISTER(sums.even);
  TFP_KEEP_IN_REGISTER(sums.odd);
  return sums;
}

#endif
