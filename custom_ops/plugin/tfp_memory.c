#include "tfp_memory.h"

#include <stdlib.h>

#include "../kernels/common/tfp_assert.h"
#include "../kernels/tfp_kernels.h"

/* The pointer that malloc returned stands just before the aligned block. */
void *tfp_allocate(uint64_t bytes) {
  const uint64_t extra = TFP_ALIGNMENT + sizeof(void *);
  if (bytes > SIZE_MAX / 2 - extra) return NULL;
  char *raw = malloc((size_t)(bytes + extra));
  if (raw == NULL) return NULL;
  const uintptr_t start = (uintptr_t)raw + sizeof(void *);
  const uintptr_t mask = TFP_ALIGNMENT - 1;
  void **aligned = (void **)((start + mask) & ~mask);
  TFP_ASSERT((char *)aligned + bytes <= raw + bytes + extra);
  aligned[-1] = raw;
  return aligned;
}

void tfp_release(void *memory) {
  if (memory != NULL) free(((void **)memory)[-1]);
}
