#include "../common/tfp_simd_c.h"
#include "tfp_load_state.inc"
