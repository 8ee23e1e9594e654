/* Tiles of 16 rows with SMMLA, for two columns and more. A depth step is 8 columns of weights:
 * int8[16][8], 8 registers of two rows. One instruction multiplies two columns of x by two rows:
 * {x0 w0, x0 w1, x1 w0, x1 w1}. Results are sums in int32 or levels in int8.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 results   x6 their stride
 *   x7 see tfp_levels_neon.inc   x8 steps left   x9..x12 columns of x   x13..x15 columns of results
 *   x17 starts
 *   v16..v23 sums of columns 0 and 1, 2 rows a register; v24..v31 of columns 2 and 3
 *   v0 pairs of columns 0 and 1, v2 of 2 and 3, for one step; v1 and v3 for the next
 *   v4..v11 weights   v12 a column on its way
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
#include "tfp_levels_neon.inc"
.arch armv8.2-a+dotprod+i8mm

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 1024

/* Step `step` of `steps` that are read in a row: the first load moves x0 past all of them. */
.macro load_low step, steps
  .if \step == 0
  ldp q4, q5, [x0], #128 * \steps
  .else
  ldp q4, q5, [x0, #128 * (\step - \steps)]
  .endif
  ldp q6, q7, [x0, #128 * (\step - \steps) + 32]
  prfm pldl1keep, [x0, #128 * (\step - \steps) + AHEAD]
.endm

.macro load_high step, steps
  ldp q8, q9, [x0, #128 * (\step - \steps) + 64]
  ldp q10, q11, [x0, #128 * (\step - \steps) + 96]
.endm

.macro pairs x, a, b, c, d, w0, w1, w2, w3
  smmla v\a\().4s, v\x\().16b, v\w0\().16b
  smmla v\b\().4s, v\x\().16b, v\w1\().16b
  smmla v\c\().4s, v\x\().16b, v\w2\().16b
  smmla v\d\().4s, v\x\().16b, v\w3\().16b
.endm

/* One step on rows 0..7; v`low` and v`high` hold the columns of x. */
.macro low_rows batch, low, high
  pairs \low, 16, 17, 18, 19, 4, 5, 6, 7
  .if \batch > 2
  pairs \high, 24, 25, 26, 27, 4, 5, 6, 7
  .endif
.endm

.macro high_rows batch, low, high
  pairs \low, 20, 21, 22, 23, 8, 9, 10, 11
  .if \batch > 2
  pairs \high, 28, 29, 30, 31, 8, 9, 10, 11
  .endif
.endm

/* 2 steps of each column, 16 bytes; two columns are zipped into the pairs of either step. */
.macro load_two_steps batch
  ldr q0, [x9], #16
  ldr q3, [x10], #16
  .if \batch > 2
  ldr q2, [x11], #16
  .endif
  .if \batch > 3
  ldr q12, [x12], #16
  .endif
  zip2 v1.2d, v0.2d, v3.2d
  zip1 v0.2d, v0.2d, v3.2d
  .if \batch > 3
  zip2 v3.2d, v2.2d, v12.2d
  zip1 v2.2d, v2.2d, v12.2d
  .elseif \batch > 2
  zip2 v3.2d, v2.2d, v2.2d
  zip1 v2.2d, v2.2d, v2.2d
  .endif
.endm

.macro load_one_step batch
  ldr d0, [x9], #8
  ld1 {v0.d}[1], [x10], #8
  .if \batch > 2
  ldr d2, [x11], #8
  .endif
  .if \batch > 3
  ld1 {v2.d}[1], [x12], #8
  .endif
.endm

.macro two_steps batch, first, second
  load_two_steps \batch
  load_low \first, 4
  load_high \first, 4
  low_rows \batch, 0, 2
  load_low \second, 4
  high_rows \batch, 0, 2
  load_high \second, 4
  low_rows \batch, 1, 3
  high_rows \batch, 1, 3
.endm

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* Takes 4 registers of 2 rows x 2 columns apart and adds the starts of 8 rows, v`s` and v`t`: v0 and
 * v1 are the first column, v2 and v3 the second. */
.macro split batch, a, b, c, d, s, t
  zip1 v0.2d, v\a\().2d, v\b\().2d
  zip1 v1.2d, v\c\().2d, v\d\().2d
  .if \batch != 3
  zip2 v2.2d, v\a\().2d, v\b\().2d
  zip2 v3.2d, v\c\().2d, v\d\().2d
  .endif
  add v0.4s, v0.4s, v\s\().4s
  add v1.4s, v1.4s, v\t\().4s
  .if \batch != 3
  add v2.4s, v2.4s, v\s\().4s
  add v3.4s, v3.4s, v\t\().4s
  .endif
.endm

/* Sums of two columns to `y` and `z`; `batch` 3 stands for one column alone. */
.macro store_s32 batch, y, z, a, b, c, d, e, f, g, h
  split \batch, \a, \b, \c, \d, 4, 5
  stp q0, q1, [\y], #32
  .if \batch != 3
  stp q2, q3, [\z], #32
  .endif
  split \batch, \e, \f, \g, \h, 6, 7
  stp q0, q1, [\y], #32
  .if \batch != 3
  stp q2, q3, [\z], #32
  .endif
.endm

/* The same as levels; v8..v11 are the multipliers. */
.macro store_s8 batch, y, z, a, b, c, d, e, f, g, h
  split \batch, \a, \b, \c, \d, 4, 5
  levels \a, 0, 1, 8, 9
  .if \batch != 3
  levels \b, 2, 3, 8, 9
  .endif
  split \batch, \e, \f, \g, \h, 6, 7
  levels \c, 0, 1, 10, 11
  store_levels \y, \a, \c
  .if \batch != 3
  levels \d, 2, 3, 10, 11
  store_levels \z, \b, \d
  .endif
.endm

/* `to` is s32 or s8. */
.macro tile to, batch
tfp_function tfp_tile_s8\to\()_r16k8_neoni8mm_16x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  .ifc \to, s8
  stp d14, d15, [sp, #48]
  enter_levels
  add x13, x5, x6
  add x14, x13, x6
  add x15, x14, x6
  .else
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
  .endif
1: /* a block */
  mov x17, x0
  add x0, x0, #64
  mov x9, x3
  add x10, x3, x4
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  .if \batch > 2
  add x11, x10, x4
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  .if \batch > 3
  add x12, x11, x4
  .endif
  subs x8, x2, #4
  b.lo 3f
2: /* 4 steps */
  two_steps \batch, 0, 1
  subs x8, x8, #4
  two_steps \batch, 2, 3
  b.hs 2b
3:
  adds x8, x8, #4
  b.eq 5f
4: /* 1 step */
  load_one_step \batch
  load_low 0, 1
  load_high 0, 1
  subs x8, x8, #1
  low_rows \batch, 0, 2
  high_rows \batch, 0, 2
  b.ne 4b
5:
  ldp q4, q5, [x17]
  ldp q6, q7, [x17, #32]
  .ifc \to, s8
  ldp q8, q9, [x7], #32
  ldp q10, q11, [x7], #32
  load_magic
  .endif
  subs x1, x1, #1
  store_\to 2, x5, x13, 16, 17, 18, 19, 20, 21, 22, 23
  .if \batch > 2
  store_\to \batch, x14, x15, 24, 25, 26, 27, 28, 29, 30, 31
  .endif
  b.ne 1b
  .ifc \to, s8
  ldp d14, d15, [sp, #48]
  .endif
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8\to\()_r16k8_neoni8mm_16x\batch
.endm

tile s32, 2
tile s32, 3
tile s32, 4
tile s8, 2
tile s8, 3
tile s8, 4

tfp_end_file
#endif
