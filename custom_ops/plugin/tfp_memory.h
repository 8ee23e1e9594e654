/* Aligned heap memory; used in prepare only. */
#ifndef TFP_MEMORY_H_
#define TFP_MEMORY_H_

#include <stdint.h>

/* `bytes` aligned to TFP_ALIGNMENT, or NULL. */
void *tfp_allocate(uint64_t bytes);
void tfp_release(void *memory);

#endif
