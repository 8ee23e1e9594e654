/* Functions that every C compiler needs and has, with or without a C library (freestanding). */
#ifndef TFP_BYTES_H_
#define TFP_BYTES_H_

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

#endif
