#include "../common/tfp_simd_c.h"
#include "tfp_gates.inc"
