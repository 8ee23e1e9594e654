/* Compiler and processor differences, kept in one place. */
#ifndef TFP_TARGET_H_
#define TFP_TARGET_H_

#include <float.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "Gate functions need plain float32 arithmetic: on 32-bit x86 add -msse2 -mfpmath=sse"
#endif
#if defined(__FAST_MATH__)
#error "Gate functions need IEEE arithmetic in the order written: build without -ffast-math"
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define TFP_X86_64 1
#else
#define TFP_X86_64 0
#endif

/* Compilers that know AVX-VNNI. */
#if TFP_X86_64 && defined(__clang__)
#define TFP_AVXVNNI (__clang_major__ >= 13)
#elif TFP_X86_64 && defined(__GNUC__)
#define TFP_AVXVNNI (__GNUC__ >= 11)
#elif TFP_X86_64 && defined(_MSC_VER)
#define TFP_AVXVNNI (_MSC_VER >= 1930)
#else
#define TFP_AVXVNNI 0
#endif

/* 64-bit Arm with a compiler that assembles the .S files here. */
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#define TFP_AARCH64 1
#else
#define TFP_AARCH64 0
#endif

/* 32-bit Arm from version 7 on; clang cannot turn NEON on for a part of a program. */
#if defined(__arm__) && defined(__linux__) && defined(__ARM_ARCH) && !defined(__ARMEB__)
#if __ARM_ARCH >= 7 && defined(__ARM_FP) && (defined(__ARM_NEON) || !defined(__clang__))
#define TFP_ARMV7_NEON 1
#endif
#endif
#if !defined(TFP_ARMV7_NEON)
#define TFP_ARMV7_NEON 0
#endif

/* Instruction sets are enabled for single functions, never for a whole file, so that nothing
 * outside a dispatched kernel can contain an instruction that the processor may lack. */
#if defined(__GNUC__) || defined(__clang__)
#define TFP_TARGET(isa) __attribute__((target(isa)))
#define TFP_INLINE static inline __attribute__((always_inline))
#else
#define TFP_TARGET(isa)
#define TFP_INLINE static __forceinline
#endif

/* Before a function that is to be in the code once. GCC would clone it for constant arguments. */
#if defined(__clang__)
#define TFP_NOINLINE __attribute__((noinline))
#elif defined(__GNUC__)
#define TFP_NOINLINE __attribute__((noinline, noclone))
#else
#define TFP_NOINLINE __declspec(noinline)
#endif

/* Compilers fold a load into every instruction that uses it, and then load as often; a value that
 * several use is better kept in a register. */
#if (defined(__GNUC__) || defined(__clang__)) && TFP_X86_64
#define TFP_KEEP_IN_REGISTER(vector) __asm__("" : "+v"(vector))
#else
#define TFP_KEEP_IN_REGISTER(vector) (void)(vector)
#endif

/* What is read through this pointer later on is read then, and not kept in registers until then. */
#if defined(__GNUC__) || defined(__clang__)
#define TFP_READ_LATER(pointer) __asm__("" : "+r"(pointer))
#else
#define TFP_READ_LATER(pointer) (void)(pointer)
#endif

/* Before a loop over an array of accumulators: only when the loop is gone are they registers. */
#if defined(__GNUC__) || defined(__clang__)
#define TFP_UNROLL _Pragma("GCC unroll 16")
#else
#define TFP_UNROLL
#endif

#define TFP_TARGET_AVX2 TFP_TARGET("avx2")
#define TFP_TARGET_AVX512 TFP_TARGET("avx512f,avx512bw,avx512vl,avx512dq")
#define TFP_TARGET_AVX512VNNI TFP_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")

#endif
