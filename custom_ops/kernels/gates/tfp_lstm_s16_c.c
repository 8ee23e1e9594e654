#if defined(__GNUC__) && !defined(__clang__)
/* Vectors of SSE2 would be six times the code, for processors that have better ones. */
#pragma GCC optimize("no-tree-vectorize")
#endif
#include "../common/tfp_words_c.h"
#include "tfp_lstm_s16.inc"
