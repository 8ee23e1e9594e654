#ifndef TFP_PREFETCH_X86_H_
#define TFP_PREFETCH_X86_H_

#include <immintrin.h>

#include "tfp_target.h"

/* Asks for the beginnings of the `tile` blocks from `blocks` on, which will be read next. A block
 * is a stream of its own, too short for the processor to be far ahead in it, and the processor does
 * not look past the end of a page; once a stream has begun it does well. More lines would gain a
 * little with weights in memory and cost as much with weights in a cache. Past the end of the
 * weights this asks for what is not there, which does nothing. */
TFP_INLINE void tfp_prefetch_blocks(const int tile, const void *blocks, size_t block_bytes) {
  enum { kLines = 4, kShortest = 4 * 64 * kLines };
  /* Of the short blocks of a low-rank layer this would ask for nearly all, once too often. */
  if (block_bytes < kShortest) return;
  for (int t = 0; t < tile; ++t) {
    for (int line = 0; line < kLines; ++line) {
      _mm_prefetch((const char *)blocks + (size_t)t * block_bytes + 64 * line, _MM_HINT_T1);
    }
  }
}

#endif
