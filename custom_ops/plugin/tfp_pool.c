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

#else

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* About 50 microseconds: longer than the pause between two layers of a model, shorter than what a
 * user would notice in a battery. */
enum { kSpins = 2000, kSpinsBeforeYield = 200 };

typedef struct worker {
  tfp_pool *pool;
  size_t place; /* 1 .. threads - 1; the caller is 0 */
  pthread_t thread;
} worker;

struct tfp_pool {
  size_t threads;
  atomic_flag busy;
  atomic_uint generation; /* one more for each call; what follows is written before */
  atomic_size_t left;     /* tasks of this call that are not done */
  atomic_bool stop;
  void (*task)(void *context, size_t i);
  void *context;
  size_t count;
  size_t sleepers; /* under the mutex */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  worker workers[];
};

static void pause_a_little(unsigned spins) {
  if (spins % kSpinsBeforeYield == kSpinsBeforeYield - 1) {
    sched_yield(); /* the thread waited for may need this very core */
    return;
  }
#if defined(__x86_64__) || defined(__i386__)
  __asm__ volatile("pause");
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Waits until the generation is no longer `seen`; returns the new one. */
static unsigned next_generation(tfp_pool *pool, unsigned seen) {
  for (unsigned spins = 0; spins < kSpins; ++spins) {
    const unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (now != seen) return now;
    pause_a_little(spins);
  }
  pthread_mutex_lock(&pool->mutex);
  pool->sleepers += 1;
  unsigned now;
  while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen) {
    pthread_cond_wait(&pool->wake, &pool->mutex);
  }
  pool->sleepers -= 1;
  pthread_mutex_unlock(&pool->mutex);
  return now;
}

/* Changes the generation and wakes who sleeps. Under the mutex, so that nobody falls asleep between
 * looking at the generation and waiting. */
static void announce(tfp_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
  if (pool->sleepers > 0) pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *pointer) {
  const worker *self = pointer;
  tfp_pool *pool = self->pool;
  unsigned seen = 0;
  for (;;) {
    seen = next_generation(pool, seen);
    if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return NULL;
    /* Every thread answers every call, so none can still look at one when the next begins. */
    if (self->place < pool->count) pool->task(pool->context, self->place);
    atomic_fetch_sub_explicit(&pool->left, 1, memory_order_release);
  }
}

static void run(void *pointer, void (*task)(void *context, size_t i), void *context, size_t count) {
  tfp_pool *pool = pointer;
  /* Two interpreters may share a delegate: the second runs all parts itself. */
  if (count > pool->threads ||
      atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    for (size_t i = 0; i < count; ++i) task(context, i);
    return;
  }
  pool->task = task;
  pool->context = context;
  pool->count = count;
  atomic_store_explicit(&pool->left, pool->threads - 1, memory_order_relaxed);
  announce(pool);
  task(context, 0);
  for (unsigned spins = 0; atomic_load_explicit(&pool->left, memory_order_acquire) > 0; ++spins) {
    pause_a_little(spins);
  }
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

tfp_pool *tfp_pool_new(size_t threads) {
  if (threads < 2) return NULL;
  tfp_pool *pool = calloc(1, sizeof *pool + (threads - 1) * sizeof(worker));
  if (pool == NULL) return NULL;
  atomic_flag_clear(&pool->busy);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  /* Threads that the system refuses are threads fewer. */
  for (pool->threads = 1; pool->threads < threads; ++pool->threads) {
    worker *next = &pool->workers[pool->threads - 1];
    next->pool = pool;
    next->place = pool->threads;
    if (pthread_create(&next->thread, NULL, work, next) != 0) break;
  }
  return pool;
}

void tfp_pool_free(tfp_pool *pool) {
  if (pool == NULL) return;
  atomic_store_explicit(&pool->stop, true, memory_order_relaxed);
  announce(pool);
  for (size_t i = 0; i + 1 < pool->threads; ++i) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

tfp_parallel tfp_pool_parallel(tfp_pool *pool) {
  if (pool == NULL || pool->threads < 2) return (tfp_parallel){.threads = 1};
  return (tfp_parallel){.threads = pool->threads, .run = run, .pool = pool};
}

#endif
