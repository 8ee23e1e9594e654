/* How a matrix is cut into panels, see tfp_weight_kernels. */
#ifndef TFP_PANELS_H_
#define TFP_PANELS_H_

#include <stddef.h>
#include <stdint.h>

#include "tfp_assert.h"
#include "tfp_target.h"

/* The width of the first panel where `blocks` are left: the widest that they fill. `widths` descend
 * to 1. */
TFP_INLINE size_t tfp_first_panel(const uint8_t *widths, size_t blocks) {
  TFP_ASSERT(blocks > 0);
  while (*widths > blocks) ++widths;
  return *widths;
}

#endif
