/* The region that the counting plug-in looks at, in a guest program for AArch64: between two hints
 * that every processor takes as no-ops. */
#ifndef TFP_BENCH_REGION_H_
#define TFP_BENCH_REGION_H_

#if defined(__aarch64__)
#define REGION_BEGIN() __asm__ volatile("hint #100" ::: "memory")
#define REGION_END() __asm__ volatile("hint #101" ::: "memory")
#else
#define REGION_BEGIN() ((void)0)
#define REGION_END() ((void)0)
#endif

#endif
