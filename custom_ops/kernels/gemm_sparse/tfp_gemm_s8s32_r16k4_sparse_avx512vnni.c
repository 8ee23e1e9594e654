/* gemm of sparse weights with vpdpbusd on zmm registers, each of which holds a tile of rows 0..7
 * and one of rows 8..15: two columns of x, each in half of a register, and a single end of a loop
 * for 16 rows, which no processor foresees.
 *
 * x + 128 is the unsigned operand; the packed starts take 128 * sum(w) off again. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include <immintrin.h>

#include "../common/tfp_bytes.h"
#include "../common/tfp_sparse.h"

#define TARGET TFP_TARGET_AVX512VNNI

enum { kPair = 2 * TFP_SPARSE_ROWS * TFP_SPARSE_COLUMNS, kUpperHalf = 0xff00 };

TARGET TFP_INLINE __m512i broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_set1_epi32(four);
}

/* x + 128 at the column of the first tile, and in the upper half at that of the second one. */
TARGET TFP_INLINE __m512i vectors_of(const int8_t *x, const uint16_t *columns) {
  const __m512i flip = _mm512_set1_epi8(-128);
  uint32_t both;
  memcpy(&both, columns, sizeof both);
  const __m512i lower = _mm512_xor_epi32(flip, broadcast(x + (both & 0xffff)));
  return _mm512_mask_xor_epi32(lower, kUpperHalf, flip, broadcast(x + (both >> 16)));
}

TARGET TFP_INLINE __m512i multiply(__m512i sum, __m512i tiles, const int8_t *x,
                                   const uint16_t *columns) {
  sum = _mm512_dpbusd_epi32(sum, vectors_of(x, columns), tiles);
  TFP_KEEP_IN_REGISTER(sum);
  return sum;
}

TARGET TFP_INLINE void store(__m512i sum, const int32_t *start, int32_t *acc) {
  _mm512_storeu_si512(acc, _mm512_add_epi32(sum, _mm512_loadu_si512(start)));
}

/* A block times a single vector, with two sums, whose latency would show otherwise. */
TARGET TFP_INLINE void multiply_one(const tfp_sparse_block *at, const int8_t *x, int32_t *acc) {
  const uint16_t *column = at->columns;
  const int8_t *w = at->weights;
  __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
  for (size_t left = at->counts[0]; left > 0; left -= 2, column += 4, w += 2 * kPair) {
    even = multiply(even, _mm512_loadu_si512(w), x, column);
    odd = multiply(odd, _mm512_loadu_si512(w + kPair), x, column + 2);
  }
  store(_mm512_add_epi32(even, odd), at->start, acc);
}

/* Where the block behind this one begins. */
TARGET TFP_INLINE const void *behind(const tfp_sparse_block *at) {
  TFP_ASSERT(at->counts[0] == at->counts[1]);
  return at->weights + kPair * at->counts[0];
}

/* A block times some vectors, which share its tiles. */
TARGET TFP_INLINE void multiply_some(const int vectors, const tfp_sparse_block *at, const int8_t *x,
                                     ptrdiff_t x_stride, int32_t *acc, size_t acc_stride) {
  const uint16_t *column = at->columns;
  const int8_t *w = at->weights;
  __m512i sums[TFP_MAX_BATCH];
  TFP_UNROLL
  for (int n = 0; n < vectors; ++n) sums[n] = _mm512_setzero_si512();
  for (size_t left = at->counts[0]; left > 0; --left, column += 2, w += kPair) {
    const __m512i tiles = _mm512_loadu_si512(w);
    TFP_UNROLL
    for (int n = 0; n < vectors; ++n) sums[n] = multiply(sums[n], tiles, x + n * x_stride, column);
  }
  TFP_UNROLL
  for (int n = 0; n < vectors; ++n) store(sums[n], at->start, acc + (size_t)n * acc_stride);
}

TARGET void tfp_gemm_s8s32_r16k4_sparse_avx512vnni(const void *blocks_packed, size_t blocks,
                                                   size_t depth, size_t batch, const int8_t *x,
                                                   ptrdiff_t x_stride, int32_t *acc,
                                                   size_t acc_stride) {
  (void)depth;
  TFP_ASSERT(batch > 0 && batch <= TFP_MAX_BATCH);
  if (batch == 1) {
    /* By far the most frequent call, with nothing to decide. */
    for (; blocks > 0; --blocks, acc += TFP_ROW_BLOCK) {
      const tfp_sparse_block at = tfp_read_sparse_block(blocks_packed);
      multiply_one(&at, x, acc);
      blocks_packed = behind(&at);
    }
    return;
  }
  for (; blocks > 0; --blocks, acc += TFP_ROW_BLOCK) {
    const tfp_sparse_block at = tfp_read_sparse_block(blocks_packed);
    size_t n = 0;
#define PASS(vectors)                                                                          \
  for (; batch - n >= (vectors); n += (vectors)) {                                             \
    multiply_some((vectors), &at, x + (ptrdiff_t)n * x_stride, x_stride, acc + n * acc_stride, \
                  acc_stride);                                                                 \
  }
    PASS(8)
    PASS(4)
    PASS(2)
#undef PASS
    if (n < batch) multiply_one(&at, x + (ptrdiff_t)n * x_stride, acc + n * acc_stride);
    blocks_packed = behind(&at);
  }
}

#else
typedef int tfp_not_on_this_architecture;
#endif
