#include "tfp_fixed_scale.h"

#include <string.h>

bool tfp_fixed_scale_of(double factor, tfp_fixed_scale *scale) {
  *scale = (tfp_fixed_scale){0, 0, 0};
  if (!(factor >= 0.0 && factor < 0x1p30)) return false;
  uint64_t bits;
  memcpy(&bits, &factor, sizeof bits);
  int shift = (int)(bits >> 52) - 1022;
  const uint64_t fraction = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
  uint64_t rounded = (fraction + (1 << 21)) >> 22;
  if (rounded >> 31 != 0) {
    rounded >>= 1;
    shift += 1;
  }
  if (shift < -31) return true;
  *scale = (tfp_fixed_scale){.multiplier = (int32_t)rounded,
                             .left = shift > 0 ? shift : 0,
                             .right = shift > 0 ? 0 : -shift};
  return true;
}
