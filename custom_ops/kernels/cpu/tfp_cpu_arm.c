/* What this 32-bit Arm processor has, as its operating system tells. */
#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON

/* The C library's; its header may define more than kernels may use. */
unsigned long getauxval(unsigned long type);

bool tfp_cpu_has_neonv7(void) {
  enum { kHwcap = 16 };
  const unsigned long neon = 1ul << 12; /* HWCAP_NEON */
  return (getauxval(kHwcap) & neon) != 0;
}

#else
typedef int tfp_not_on_this_architecture;
#endif
