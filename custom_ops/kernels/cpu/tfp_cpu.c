/* What this processor, with this operating system, can run. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"

bool tfp_cpu_always(void) {
  return true;
}

#if TFP_X86_64

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
  int out[4];
  __cpuidex(out, (int)leaf, (int)subleaf);
  for (int i = 0; i < 4; ++i) r[i] = (uint32_t)out[i];
}
static uint64_t xgetbv0(void) {
  return _xgetbv(0);
}
#else
#include <cpuid.h>
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
  __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
}
static uint64_t xgetbv0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}
#endif

/* Registers whose state the operating system saves: bit 1 SSE, 2 AVX, 5..7 AVX-512. */
static uint64_t saved_state(void) {
  uint32_t r[4];
  cpuid(0, 0, r);
  if (r[0] < 7) return 0;
  cpuid(1, 0, r);
  const bool osxsave = (r[2] >> 27 & 1) != 0;
  const bool avx = (r[2] >> 28 & 1) != 0;
  return osxsave && avx ? xgetbv0() : 0;
}

bool tfp_cpu_has_avx2(void) {
  uint32_t r[4];
  if ((saved_state() & 0x6) != 0x6) return false;
  cpuid(7, 0, r);
  return (r[1] >> 5 & 1) != 0;
}

bool tfp_cpu_has_avx512vnni(void) {
  uint32_t r[4];
  if ((saved_state() & 0xe6) != 0xe6) return false;
  cpuid(7, 0, r);
  /* EBX: F 16, DQ 17, BW 30, VL 31; ECX: VNNI 11 */
  const uint32_t needed = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  return (r[1] & needed) == needed && (r[2] >> 11 & 1) != 0;
}

bool tfp_cpu_has_avxvnni(void) {
#if defined(TFP_AVXVNNI_AS_EVEX)
  return tfp_cpu_has_avx512vnni();
#else
  uint32_t r[4];
  if (!tfp_cpu_has_avx2()) return false;
  cpuid(7, 0, r);
  if (r[0] < 1) return false; /* the last part of this leaf */
  cpuid(7, 1, r);
  return (r[0] >> 4 & 1) != 0;
#endif
}

#else

bool tfp_cpu_has_avx2(void) {
  return false;
}
bool tfp_cpu_has_avxvnni(void) {
  return false;
}
bool tfp_cpu_has_avx512vnni(void) {
  return false;
}

#endif
