/* Threads that wait for the next op: they spin for a while, then sleep. */
#ifndef TFP_POOL_H_
#define TFP_POOL_H_

#include "../ops/common/tfp_parallel.h"

typedef struct tfp_pool tfp_pool;

/* A pool in which the caller is one of `threads`; NULL for one thread, where threads cannot be
 * started, and on Windows, where all work runs on the caller. */
tfp_pool *tfp_pool_new(size_t threads);
void tfp_pool_free(tfp_pool *pool);

/* What ops take; one thread for NULL. */
tfp_parallel tfp_pool_parallel(tfp_pool *pool);

/* Before each call of an op. A forked child has the pool's memory and none of its threads: there
 * the caller does all parts, one after the other, and gets the same bits. The pool is freed in the
 * child without waiting for anybody. */
void tfp_pool_settle(tfp_parallel *parallel);

#endif
