/* Reads a buffer again and again, as fast as the processor can: the limit of a product at batch 1.
 * Compiled by read_limit.py when a benchmark starts. */
#include <stddef.h>
#include <stdint.h>

/* One line of a cache; two or four loads where registers are narrower. */
typedef uint64_t line __attribute__((vector_size(64)));

/* Lines a step, and sums, which fit the registers of AVX2 too. */
enum { kLines = 8, kSums = 4, kAhead = 8192 };

/* `size` is a multiple of 512 bytes, `data` lies at a multiple of 64. */
uint64_t bench_read(const line *data, size_t size, int times) {
  line sums[kSums] = {{0}};
  const size_t lines = size / sizeof(line);
  for (int turn = 0; turn < times; ++turn) {
    /* Every turn reads anew. */
    __asm__ volatile("" ::: "memory");
    for (size_t i = 0; i < lines; i += kLines) {
      /* Else the processor's own fetching stops at the end of every page. */
      __builtin_prefetch((const char *)(data + i) + kAhead);
#pragma GCC unroll 8
      for (int k = 0; k < kLines; ++k) sums[k % kSums] |= data[i + k];
    }
  }
  for (int k = 1; k < kSums; ++k) sums[0] |= sums[k];
  uint64_t all = 0;
  for (size_t k = 0; k < sizeof(line) / sizeof all; ++k) all |= sums[0][k];
  return all;
}
