/* NEON on 32-bit Arm, where many compilers leave it off: a file that includes this has it on, so it
 * may hold nothing but kernels that dispatch guards. */
#ifndef TFP_NEONV7_H_
#define TFP_NEONV7_H_

#if !defined(__ARM_NEON) && !defined(__clang__)
#pragma GCC target("fpu=neon")
#endif
#include <arm_neon.h>

#endif
