/* The vectors of tfp_words_neon.h on 32-bit Arm. */
#ifndef TFP_WORDS_NEONV7_H_
#define TFP_WORDS_NEONV7_H_

#include "tfp_neonv7.h"
#define TFP_WORDS_NAME(name) name##_neonv7
#include "tfp_words_neon.h"

#endif
