/* What this AArch64 processor has, as its operating system tells; false where it does not. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64

#if defined(__linux__)

/* The C library's; its header may define more than kernels may use. */
unsigned long getauxval(unsigned long type);

enum {
  kHwcap = 16,
  kHwcap2 = 26,
};
static const unsigned long kCpuid = 1ul << 11, kDotprod = 1ul << 20; /* HWCAP_ */
static const unsigned long kI8mm = 1ul << 13;                        /* HWCAP2_ */

bool tfp_cpu_has_dotprod(void) {
  return (getauxval(kHwcap) & kDotprod) != 0;
}

bool tfp_cpu_has_i8mm(void) {
  return tfp_cpu_has_dotprod() && (getauxval(kHwcap2) & kI8mm) != 0;
}

/* The kernel answers this read for programs where it says so, for the core that runs now. Cores of
 * another kind in the same machine run the same instructions, only less well ordered for them. */
bool tfp_cpu_is_a53(void) {
  if ((getauxval(kHwcap) & kCpuid) == 0) return false;
  uint64_t midr;
  __asm__("mrs %0, midr_el1" : "=r"(midr));
  const uint64_t implementer = midr >> 24 & 0xff, part = midr >> 4 & 0xfff;
  /* Cortex-A53 and A55, and Qualcomm's names of them: Kryo 2xx Silver and 3xx Silver. */
  return implementer == 0x41 ? part == 0xd03 || part == 0xd05
                             : implementer == 0x51 && (part == 0x801 || part == 0x803);
}

#elif defined(__APPLE__)

int sysctlbyname(const char *name, void *value, size_t *size, void *new_value, size_t new_size);

static bool has(const char *feature) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}

bool tfp_cpu_has_dotprod(void) {
  return has("hw.optional.arm.FEAT_DotProd");
}

bool tfp_cpu_has_i8mm(void) {
  return tfp_cpu_has_dotprod() && has("hw.optional.arm.FEAT_I8MM");
}

bool tfp_cpu_is_a53(void) {
  return false;
}

#else

bool tfp_cpu_has_dotprod(void) {
  return false;
}
bool tfp_cpu_has_i8mm(void) {
  return false;
}
bool tfp_cpu_is_a53(void) {
  return false;
}

#endif

#else
typedef int tfp_not_on_this_architecture;
#endif
