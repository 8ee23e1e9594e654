/* A static split of blocks among threads, between panels: each thread always gets the same ones, so
 * that their weights stay near it. The bits of an op do not depend on the split. */
#ifndef TFP_SPLIT_H_
#define TFP_SPLIT_H_

#include <stdint.h>

#include "tfp_packed.h"
#include "tfp_parallel.h"

enum {
  TFP_MAX_THREADS = 64, /* of one op */
  /* A thread with fewer bytes of weights than this costs more than it saves. */
  TFP_BYTES_PER_THREAD = 64 * 1024,
};

/* Parts of `together` blocks that nothing may divide; the last one may be smaller. */
static inline size_t tfp_split_parts(size_t blocks, size_t together) {
  return (blocks + together - 1) / together;
}

/* How many of `threads` are worth their start for a pass over `packed`. */
static inline size_t tfp_worthy_threads(const tfp_packed *packed, size_t threads) {
  if (threads == 1) return 1; /* small layers feel a division in every step */
  const uint64_t worth = (uint64_t)packed->blocks * packed->block_bytes / TFP_BYTES_PER_THREAD;
  const size_t panels = tfp_split_parts(packed->blocks, packed->kernels->panels[0]);
  size_t most = panels < TFP_MAX_THREADS ? panels : TFP_MAX_THREADS;
  if (worth < most) most = (size_t)worth;
  return threads < most ? threads : most > 1 ? most : 1;
}

/* The blocks [begin, end) of thread `i` of `threads`. */
typedef struct tfp_range {
  size_t begin, end;
} tfp_range;

static inline tfp_range tfp_split(size_t blocks, size_t together, size_t i, size_t threads) {
  if (threads == 1) return (tfp_range){0, blocks};
  const size_t parts = tfp_split_parts(blocks, together);
  const size_t begin = parts * i / threads * together, end = parts * (i + 1) / threads * together;
  return (tfp_range){begin, end < blocks ? end : blocks};
}

/* Calls task(context, i) for each i < threads; with one thread nothing but a function call. */
static inline void tfp_share(const tfp_parallel *parallel, size_t threads,
                             void (*task)(void *context, size_t i), void *context) {
  TFP_ASSERT(threads > 0 && threads <= TFP_MAX_THREADS && threads <= parallel->threads);
  if (threads > 1) {
    parallel->run(parallel->pool, task, context, threads);
  } else {
    task(context, 0);
  }
}

#endif
