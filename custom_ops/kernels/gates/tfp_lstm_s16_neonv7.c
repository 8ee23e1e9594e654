#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_ARMV7_NEON
#include "../common/tfp_words_neonv7.h"
#include "tfp_lstm_s16.inc"
#else
typedef int tfp_not_on_this_architecture;
#endif
