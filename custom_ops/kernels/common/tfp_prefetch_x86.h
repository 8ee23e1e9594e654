#ifndef TFP_PREFETCH_X86_H_
#define TFP_PREFETCH_X86_H_

#include <immintrin.h>

#include "tfp_target.h"

/* Asks for one line of a stream of weights two pages ahead. The processor fetches a stream by
 * itself, but stops at the end of every page of 4 KiB: one line in six starts it in the next ones.
 * That costs nothing with weights in a cache, where one for each would take the place of loads.
 * Past the end of the weights this does nothing. */
TFP_INLINE void tfp_prefetch_ahead(const void *weights) {
  enum { kAhead = 8192 };
  _mm_prefetch((const char *)weights + kAhead, _MM_HINT_T0);
}

#endif
