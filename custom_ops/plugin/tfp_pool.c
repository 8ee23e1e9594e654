#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "tfp_pool.h"

#if defined(_WIN32)

tfp_pool *tfp_pool_new(size_t threads) {
  (void)threads;
  return NULL;
}

void tfp_pool_free(tfp_pool *pool) {
  (void)pool;
}

tfp_parallel tfp_pool_parallel(tfp_pool *pool) {
  (void)pool;
  return (tfp_parallel){.threads = 1};
}

void tfp_pool_settle(tfp_parallel *parallel) {
  (void)parallel;
}

#else

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kernels/common/tfp_assert.h"

/* Some 100 microseconds: longer than the pause between two layers of a model, shorter than what a
 * user would notice in a battery. */
enum { kSpins = 10000, kSpinsBeforeYield = 200 };

typedef struct worker {
  tfp_pool *pool;
  size_t part;       /* 1 .. threads - 1; the caller is 0 */
  atomic_bool ready; /* its part waits to be taken, by this thread or by the caller */
  pthread_t thread;
} worker;

struct tfp_pool {
  size_t threads;
  pid_t process; /* that has the threads: what is forked from it has not */
  atomic_flag busy;
  atomic_size_t left; /* parts of this call that are not done */
  atomic_bool stop;
  void (*task)(void *context, size_t i);
  void *context;
  size_t sleepers; /* under the mutex */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  worker workers[];
};

static void pause_a_little(void) {
#if defined(__x86_64__) || defined(__i386__)
  __asm__ volatile("pause");
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static bool called(worker *self) {
  return atomic_load_explicit(&self->ready, memory_order_acquire) ||
         atomic_load_explicit(&self->pool->stop, memory_order_acquire);
}

static void wait_for_call(worker *self) {
  for (unsigned spins = 0; spins < kSpins; ++spins) {
    if (called(self)) return;
    /* No yield: who gets the core then keeps it for milliseconds. */
    pause_a_little();
  }
  tfp_pool *pool = self->pool;
  pthread_mutex_lock(&pool->mutex);
  pool->sleepers += 1;
  while (!called(self)) pthread_cond_wait(&pool->wake, &pool->mutex);
  pool->sleepers -= 1;
  pthread_mutex_unlock(&pool->mutex);
}

/* Under the mutex, so that nobody falls asleep between looking and waiting. */
static void wake_all(tfp_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  if (pool->sleepers > 0) pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

/* Runs the part of `self`, unless somebody took it: each part is taken once. */
static void take(worker *self) {
  tfp_pool *pool = self->pool;
  if (!atomic_exchange_explicit(&self->ready, false, memory_order_acq_rel)) return;
  pool->task(pool->context, self->part);
  atomic_fetch_sub_explicit(&pool->left, 1, memory_order_release);
}

static void *work(void *pointer) {
  worker *self = pointer;
  for (;;) {
    wait_for_call(self);
    if (atomic_load_explicit(&self->pool->stop, memory_order_acquire)) return NULL;
    take(self);
  }
}

static bool has_threads(const tfp_pool *pool) {
  return pool->process == getpid();
}

static void run_alone(void *pool, void (*task)(void *context, size_t i), void *context,
                      size_t count) {
  (void)pool;
  for (size_t i = 0; i < count; ++i) task(context, i);
}

static void run(void *pointer, void (*task)(void *context, size_t i), void *context, size_t count) {
  tfp_pool *pool = pointer;
  TFP_ASSERT(count > 0);
  /* Two interpreters may share a delegate: the second runs all parts itself. */
  if (count > pool->threads ||
      atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    run_alone(pool, task, context, count);
    return;
  }
  pool->task = task;
  pool->context = context;
  atomic_store_explicit(&pool->left, count - 1, memory_order_relaxed);
  for (size_t i = 0; i + 1 < count; ++i) {
    atomic_store_explicit(&pool->workers[i].ready, true, memory_order_release);
  }
  wake_all(pool);
  task(context, 0);
  /* A thread may be late, its core busy with something else: its part is done here then. */
  for (size_t i = 0; i + 1 < count; ++i) take(&pool->workers[i]);
  for (unsigned spins = 0; atomic_load_explicit(&pool->left, memory_order_acquire) > 0; ++spins) {
    pause_a_little();
    /* The thread waited for may need this very core. */
    if (spins % kSpinsBeforeYield == kSpinsBeforeYield - 1) sched_yield();
  }
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

tfp_pool *tfp_pool_new(size_t threads) {
  if (threads < 2) return NULL;
  tfp_pool *pool = calloc(1, sizeof *pool + (threads - 1) * sizeof(worker));
  if (pool == NULL) return NULL;
  pool->process = getpid();
  atomic_flag_clear(&pool->busy);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  /* Threads that the system refuses are threads fewer. */
  for (pool->threads = 1; pool->threads < threads; ++pool->threads) {
    worker *next = &pool->workers[pool->threads - 1];
    next->pool = pool;
    next->part = pool->threads;
    if (pthread_create(&next->thread, NULL, work, next) != 0) break;
  }
  return pool;
}

void tfp_pool_free(tfp_pool *pool) {
  if (pool == NULL) return;
  if (!has_threads(pool)) {
    /* Joining would wait for ever, and the mutex may be held by a thread that is not there. */
    free(pool);
    return;
  }
  atomic_store_explicit(&pool->stop, true, memory_order_release);
  wake_all(pool);
  for (size_t i = 0; i + 1 < pool->threads; ++i) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

tfp_parallel tfp_pool_parallel(tfp_pool *pool) {
  if (pool == NULL || pool->threads < 2 || !has_threads(pool)) return (tfp_parallel){.threads = 1};
  return (tfp_parallel){.threads = pool->threads, .run = run, .pool = pool};
}

void tfp_pool_settle(tfp_parallel *parallel) {
  if (parallel->pool != NULL && !has_threads(parallel->pool)) parallel->run = run_alone;
}

#endif
