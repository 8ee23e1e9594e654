/* One block of memory, cut into aligned parts. Run once without memory to learn the size. */
#ifndef TFP_ARENA_H_
#define TFP_ARENA_H_

#include <stddef.h>
#include <stdint.h>

#include "../../kernels/common/tfp_assert.h"
#include "../../kernels/tfp_kernels.h"

typedef struct tfp_arena {
  unsigned char *base; /* NULL while measuring */
  uint64_t used;       /* 64 bits wide, so that a sum of checked sizes cannot overflow */
} tfp_arena;

/* The next `count` elements of `size` bytes, or NULL while measuring. */
static inline void *tfp_arena_take(tfp_arena *arena, uint64_t count, uint64_t size) {
  void *taken = arena->base != NULL ? arena->base + arena->used : NULL;
  TFP_ASSERT((uintptr_t)arena->base % TFP_ALIGNMENT == 0 && arena->used % TFP_ALIGNMENT == 0);
  const uint64_t mask = TFP_ALIGNMENT - 1;
  arena->used += (count * size + mask) & ~mask;
  return taken;
}

#endif
