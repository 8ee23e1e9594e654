/* Tiles of 16 rows with SMMLA. A depth step is 8 columns of weights: int8[16][8], 8 registers of
 * two rows. One instruction multiplies two columns of x by two rows: {x0 w0, x0 w1, x1 w0, x1 w1}.
 * A single column uses SDOT on the same weights: half of SMMLA's result would be thrown away.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   v16..v23 sums of columns 0 and 1, 2 rows a register; v24..v31 of columns 2 and 3
 *   v0 pairs of columns 0 and 1, v2 of 2 and 3, for one step; v1 and v3 for the next
 *   v4..v11 weights
 */
#if defined(__aarch64__)
#include "tfp_assembly.inc"
.arch armv8.2-a+dotprod+i8mm

/* As in tfp_tiles_s8s32_r16k4_neondot.S: every second line. */
#define AHEAD 1024

.macro load_low step
  ldp q4, q5, [x0, #128 * \step]
  ldp q6, q7, [x0, #128 * \step + 32]
  prfm pldl1keep, [x0, #128 * \step + AHEAD]
.endm

.macro load_high step
  ldp q8, q9, [x0, #128 * \step + 64]
  ldp q10, q11, [x0, #128 * \step + 96]
.endm

.macro pairs x, a, b, c, d, w0, w1, w2, w3
  smmla v\a\().4s, v\x\().16b, v\w0\().16b
  smmla v\b\().4s, v\x\().16b, v\w1\().16b
  smmla v\c\().4s, v\x\().16b, v\w2\().16b
  smmla v\d\().4s, v\x\().16b, v\w3\().16b
.endm

.macro dots x, a, b, c, d, w0, w1, w2, w3
  sdot v\a\().4s, v\w0\().16b, v\x\().16b
  sdot v\b\().4s, v\w1\().16b, v\x\().16b
  sdot v\c\().4s, v\w2\().16b, v\x\().16b
  sdot v\d\().4s, v\w3\().16b, v\x\().16b
.endm

/* One step on rows 0..7; v`low` and v`high` hold the columns of x. */
.macro low_rows batch, low, high
  .if \batch == 1
  dots \low, 16, 17, 18, 19, 4, 5, 6, 7
  .else
  pairs \low, 16, 17, 18, 19, 4, 5, 6, 7
  .endif
  .if \batch > 2
  pairs \high, 24, 25, 26, 27, 4, 5, 6, 7
  .endif
.endm

.macro high_rows batch, low, high
  .if \batch == 1
  dots \low, 20, 21, 22, 23, 8, 9, 10, 11
  .else
  pairs \low, 20, 21, 22, 23, 8, 9, 10, 11
  .endif
  .if \batch > 2
  pairs \high, 28, 29, 30, 31, 8, 9, 10, 11
  .endif
.endm

/* 2 steps of each column, 16 bytes; two columns are zipped into the pairs of either step. */
.macro load_two_steps batch
  .if \batch == 1
  ld1r {v0.2d}, [x9], #8
  ld1r {v1.2d}, [x9], #8
  .else
  ldr q0, [x9], #16
  ldr q3, [x10], #16
  .endif
  .if \batch > 3
  ldr q2, [x11], #16
  ldr q12, [x12], #16
  .elseif \batch > 2
  ldr q2, [x11], #16
  .endif
  .if \batch > 1
  zip2 v1.2d, v0.2d, v3.2d
  zip1 v0.2d, v0.2d, v3.2d
  .endif
  .if \batch > 3
  zip2 v3.2d, v2.2d, v12.2d
  zip1 v2.2d, v2.2d, v12.2d
  .elseif \batch > 2
  zip2 v3.2d, v2.2d, v2.2d
  zip1 v2.2d, v2.2d, v2.2d
  .endif
.endm

.macro load_one_step batch
  .if \batch == 1
  ld1r {v0.2d}, [x9]
  .else
  ldr d0, [x9]
  ld1 {v0.d}[1], [x10]
  .endif
  .if \batch > 3
  ldr d2, [x11]
  ld1 {v2.d}[1], [x12]
  .elseif \batch > 2
  ld1r {v2.2d}, [x11]
  .endif
.endm

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* Takes 4 registers of 2 rows x 2 columns apart and adds the starts of 8 rows, v`s` and v`t`. */
.macro split a, b, c, d, s, t, second
  zip1 v0.2d, v\a\().2d, v\b\().2d
  zip1 v1.2d, v\c\().2d, v\d\().2d
  add v0.4s, v0.4s, v\s\().4s
  add v1.4s, v1.4s, v\t\().4s
  .if \second
  zip2 v2.2d, v\a\().2d, v\b\().2d
  zip2 v3.2d, v\c\().2d, v\d\().2d
  add v2.4s, v2.4s, v\s\().4s
  add v3.4s, v3.4s, v\t\().4s
  .endif
.endm

.macro tile batch
tfp_function tfp_tile_s8s32_r16k8_neoni8mm_16x\batch
  stp d8, d9, [sp, #-48]!
  stp d10, d11, [sp, #16]
  str d12, [sp, #32]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
1: /* a block */
  mov x7, x0
  add x0, x0, #64
  mov x9, x3
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  .if \batch > 1
  add x10, x3, x4
  .endif
  .if \batch > 2
  add x11, x10, x4
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  .if \batch > 3
  add x12, x11, x4
  .endif
  subs x8, x2, #2
  b.lo 3f
2: /* 2 steps */
  load_two_steps \batch
  load_low 0
  load_high 0
  low_rows \batch, 0, 2
  load_low 1
  high_rows \batch, 0, 2
  load_high 1
  subs x8, x8, #2
  low_rows \batch, 1, 3
  add x0, x0, #256
  high_rows \batch, 1, 3
  b.hs 2b
3:
  tbz x8, #0, 4f
  load_one_step \batch
  load_low 0
  load_high 0
  add x0, x0, #128
  low_rows \batch, 0, 2
  high_rows \batch, 0, 2
4:
  ldp q4, q5, [x7]
  ldp q6, q7, [x7, #32]
  subs x1, x1, #1
  .if \batch == 1
  addp v16.4s, v16.4s, v17.4s
  addp v18.4s, v18.4s, v19.4s
  addp v20.4s, v20.4s, v21.4s
  addp v22.4s, v22.4s, v23.4s
  add v16.4s, v16.4s, v4.4s
  add v18.4s, v18.4s, v5.4s
  add v20.4s, v20.4s, v6.4s
  add v22.4s, v22.4s, v7.4s
  stp q16, q18, [x5], #32
  stp q20, q22, [x5], #32
  .else
  split 16, 17, 18, 19, 4, 5, 1
  stp q0, q1, [x5], #32
  stp q2, q3, [x13], #32
  split 20, 21, 22, 23, 6, 7, 1
  stp q0, q1, [x5], #32
  stp q2, q3, [x13], #32
  .endif
  .if \batch > 3
  split 24, 25, 26, 27, 4, 5, 1
  stp q0, q1, [x14], #32
  stp q2, q3, [x15], #32
  split 28, 29, 30, 31, 6, 7, 1
  stp q0, q1, [x14], #32
  stp q2, q3, [x15], #32
  .elseif \batch > 2
  split 24, 25, 26, 27, 4, 5, 0
  stp q0, q1, [x14], #32
  split 28, 29, 30, 31, 6, 7, 0
  stp q0, q1, [x14], #32
  .endif
  b.ne 1b
  ldr d12, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #48
tfp_end_function tfp_tile_s8s32_r16k8_neoni8mm_16x\batch
.endm

tile 1
tile 2
tile 3
tile 4

tfp_end_file
#endif
