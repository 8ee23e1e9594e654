/* vpdpbusd on ymm registers: 4 unsigned bytes times 4 signed ones, added to 32 bits.
 *
 * Processors with AVX-VNNI have it in the encoding of AVX. Those with AVX512-VNNI have another one,
 * with which the tests build these kernels (TFP_AVXVNNI_AS_EVEX) to check their bits. */
#ifndef TFP_DOT_AVXVNNI_H_
#define TFP_DOT_AVXVNNI_H_

#include <immintrin.h>

#include "../tfp_kernels.h"
#include "tfp_bytes.h"
#include "tfp_target.h"

#if defined(TFP_AVXVNNI_AS_EVEX)
#define TFP_TARGET_AVXVNNI TFP_TARGET("avx2,avx512f,avx512vl,avx512vnni")
#define TFP_DOT_AVXVNNI _mm256_dpbusd_epi32
#else
#define TFP_TARGET_AVXVNNI TFP_TARGET("avx2,avxvnni")
#define TFP_DOT_AVXVNNI _mm256_dpbusd_avx_epi32
#endif

TFP_TARGET_AVXVNNI TFP_INLINE __m256i tfp_dot_load(const void *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}

TFP_TARGET_AVXVNNI TFP_INLINE __m256i tfp_dot_broadcast(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}

TFP_TARGET_AVXVNNI TFP_INLINE void tfp_dot_store(int32_t *to, __m256i low, __m256i high) {
  _mm256_storeu_si256((__m256i *)(void *)to, low);
  _mm256_storeu_si256((__m256i *)(void *)(to + 8), high);
}

#endif
