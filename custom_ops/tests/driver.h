/* What the drivers share: counted allocations, random numbers, and memory of an exact size. */
#ifndef TFP_TESTS_DRIVER_H_
#define TFP_TESTS_DRIVER_H_

#include <stdint.h>
#include <stdlib.h>

#include "../ops/common/tfp_unpack.h"

static unsigned long allocations;

#ifdef TFP_COUNT_ALLOCATIONS
/* The linker sends every call here: -Wl,--wrap=malloc and so on. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size) {
  ++allocations;
  return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
  ++allocations;
  return __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
  ++allocations;
  return __real_realloc(old, size);
}
#endif

static uint32_t state = 1;
static inline uint32_t next(void) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

/* Exactly `count` bytes on the heap, so that a sanitizer sees one read too many. */
static inline void *fresh(size_t count) {
  void *memory = malloc(count > 0 ? count : 1);
  if (memory == NULL) exit(3);
  return memory;
}

/* Rows of ternary numbers, five a byte; half of the time, and where that is no shorter, NULL. */
static inline int8_t *random_trits(size_t rows, size_t depth, int bits) {
  const size_t row_bytes = tfp_trit_bytes(depth);
  if (!tfp_are_trits(depth, bits, row_bytes) || next() % 2 == 0) return NULL;
  uint8_t *values = fresh(rows * row_bytes);
  for (size_t i = 0; i < rows * row_bytes; ++i) {
    values[i] = (uint8_t)(next() % (TFP_MOST_TRITS + 1));
  }
  return (int8_t *)values;
}

#endif
