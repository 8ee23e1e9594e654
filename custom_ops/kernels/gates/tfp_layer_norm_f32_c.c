#include "../common/tfp_simd_c.h"

/* The square root of a positive normal number, rounded to nearest as IEEE asks for, from integers:
 * a library would have to be linked. Ties do not exist, because no square has an odd last bit 25
 * places below its first one. */
TFP_INLINE float square_root(float x) {
  const uint32_t bits = tfp_bits_c(x);
  const int32_t exponent = (int32_t)(bits >> 23) - 127 - 23;
  const int32_t odd = exponent & 1;
  /* The root of `left` has 25 bits: those of the result, and one that rounds it. */
  uint64_t left = (uint64_t)((bits & 0x7fffffu) | 0x800000u) << (25 + (odd ^ 1));
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 48; bit != 0; bit >>= 2) {
    const uint64_t trial = root + bit;
    const bool fits = left >= trial;
    left -= fits ? trial : 0;
    root = (root >> 1) + (fits ? bit : 0);
  }
  const int32_t half = (exponent - 25 - (odd ^ 1)) / 2;
  const uint32_t mantissa = (uint32_t)((root + 1) >> 1);
  return tfp_float_c(((uint32_t)(half + 24 + 127) << 23) + (mantissa - 0x800000u));
}

#include "tfp_layer_norm.inc"
