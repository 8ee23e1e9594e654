/* How an op runs on several threads without knowing whose they are. */
#ifndef TFP_PARALLEL_H_
#define TFP_PARALLEL_H_

#include <stddef.h>

typedef struct tfp_parallel {
  size_t threads; /* 1: `run` is never called */
  /* Calls task(context, i) once for each i < count, and returns when all are done. */
  void (*run)(void *pool, void (*task)(void *context, size_t i), void *context, size_t count);
  void *pool;
} tfp_parallel;

#endif
