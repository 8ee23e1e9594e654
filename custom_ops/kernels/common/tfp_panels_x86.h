/* The widths of panels of each x86 kernel, see tfp_weight_kernels: as many blocks side by side as
 * there are registers for. The table of variants and the kernels read the same lists. */
#ifndef TFP_PANELS_X86_H_
#define TFP_PANELS_X86_H_

#include "tfp_panels.h"

static const uint8_t tfp_panels_s8_avx2[] = {6, 4, 3, 2, 1};
static const uint8_t tfp_panels_s8_ymm[] = {3, 2, 1};
static const uint8_t tfp_panels_s8_zmm[] = {6, 4, 2, 1};
/* With 4 and 2 bits, several columns in a byte. */
static const uint8_t tfp_panels_columns_ymm[] = {2, 1};
/* With 4 bits, two rows in a byte; with 2 bits, four. */
static const uint8_t tfp_panels_pairs[] = {6, 4, 2, 1};
static const uint8_t tfp_panels_quads[] = {4, 1};

#endif
