/* Tiles of 16 rows with SMMLA and 4-bit weights, see tfp_tiles_low_r16k8_neoni8mm.inc. */
#if defined(__aarch64__)
/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 768

#include "tfp_tiles_low_r16k8_neoni8mm.inc"

tile 4, 2
tile 4, 3
tile 4, 4

tfp_end_file
#endif
