#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_X86_64
#include "../common/tfp_simd_avx512.h"
#include "tfp_gates.inc"
#else
typedef int tfp_not_on_this_architecture;
#endif
