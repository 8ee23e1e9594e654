/* Tiles of 16 rows with SDOT and 2-bit weights. A depth step is 16 columns of weights: uint8[16][4],
 * 4 registers, of which each byte holds columns k, k + 4, k + 8 and k + 12 from its low bits on.
 * Weights are 0..3, 2 more than they mean; what was added comes off with `offsets`, one a column.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   v16..v31 sums, 4 registers a column   v0..v3 x, 16 bytes a column   v4..v7 weights
 *   v8..v12 parts of the weights   v13..v15 masks
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
.arch armv8.2-a+dotprod

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 512

/* 4 rows and 4 columns of weights times every column of x; v`a` to v`d` are their sums. */
.macro dots batch, w, part, a, b, c, d
  sdot v\a\().4s, v\w\().16b, v0.4b[\part]
  .if \batch > 1
  sdot v\b\().4s, v\w\().16b, v1.4b[\part]
  .endif
  .if \batch > 2
  sdot v\c\().4s, v\w\().16b, v2.4b[\part]
  .endif
  .if \batch > 3
  sdot v\d\().4s, v\w\().16b, v3.4b[\part]
  .endif
.endm

/* All four parts of 4 rows, shifted to the low bits. */
.macro rows batch, w, a, b, c, d
  and v8.16b, v\w\().16b, v15.16b
  ushr v9.16b, v\w\().16b, #2
  ushr v10.16b, v\w\().16b, #4
  dots \batch, 8, 0, \a, \b, \c, \d
  and v9.16b, v9.16b, v15.16b
  and v10.16b, v10.16b, v15.16b
  dots \batch, 9, 1, \a, \b, \c, \d
  ushr v11.16b, v\w\().16b, #6
  dots \batch, 10, 2, \a, \b, \c, \d
  dots \batch, 11, 3, \a, \b, \c, \d
.endm

/* The same for one column, where shifts would cost as much as products: parts 1 and 2 stay in their
 * places and have sums of their own, v`fours` and v`sixteens`, as many times too large. */
.macro rows_alone w, ones, fours, sixteens
  and v8.16b, v\w\().16b, v15.16b
  and v9.16b, v\w\().16b, v14.16b
  and v10.16b, v\w\().16b, v13.16b
  ushr v11.16b, v\w\().16b, #6
  dots 1, 8, 0, \ones, 0, 0, 0
  dots 1, 9, 1, \fours, 0, 0, 0
  dots 1, 10, 2, \sixteens, 0, 0, 0
  dots 1, 11, 3, \ones, 0, 0, 0
.endm

.macro load_columns batch
  ldr q0, [x9], #16
  .if \batch > 1
  ldr q1, [x10], #16
  .endif
  .if \batch > 2
  ldr q2, [x11], #16
  .endif
  .if \batch > 3
  ldr q3, [x12], #16
  .endif
.endm

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* The starts of one column: v4..v7 and its offset. */
.macro begin column, a, b, c, d
  ldr s8, [x7, #4 * \column]
  dup v8.4s, v8.s[0]
  add v\a\().4s, v4.4s, v8.4s
  add v\b\().4s, v5.4s, v8.4s
  add v\c\().4s, v6.4s, v8.4s
  add v\d\().4s, v7.4s, v8.4s
.endm

.macro store acc, a, b, c, d
  stp q\a, q\b, [\acc]
  stp q\c, q\d, [\acc, #32]
  add \acc, \acc, #64
.endm

.macro add_part shift, a, b, c, d
  ssra v16.4s, v\a\().4s, #\shift
  ssra v17.4s, v\b\().4s, #\shift
  ssra v18.4s, v\c\().4s, #\shift
  ssra v19.4s, v\d\().4s, #\shift
.endm

.macro tile batch
tfp_function tfp_tile_s8s2s32_r16k16_neondot_16x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
1: /* a block */
  ldp q4, q5, [x0]
  ldp q6, q7, [x0, #32]
  add x0, x0, #64
  mov x9, x3
  mov x8, x2
  begin 0, 16, 17, 18, 19
  movi v15.16b, #0x03
  .if \batch == 1
  movi v14.16b, #0x0c
  movi v13.16b, #0x30
  clear 20, 21, 22, 23
  clear 24, 25, 26, 27
  .else
  add x10, x3, x4
  begin 1, 20, 21, 22, 23
  .endif
  .if \batch > 2
  add x11, x10, x4
  begin 2, 24, 25, 26, 27
  .endif
  .if \batch > 3
  add x12, x11, x4
  begin 3, 28, 29, 30, 31
  .endif
2: /* a step */
  ldp q4, q5, [x0]
  load_columns \batch
  ldp q6, q7, [x0, #32]
  prfm pldl1keep, [x0, #AHEAD]
  subs x8, x8, #1
  add x0, x0, #64
  .if \batch == 1
  rows_alone 4, 16, 20, 24
  rows_alone 5, 17, 21, 25
  rows_alone 6, 18, 22, 26
  rows_alone 7, 19, 23, 27
  .else
  rows \batch, 4, 16, 20, 24, 28
  rows \batch, 5, 17, 21, 25, 29
  rows \batch, 6, 18, 22, 26, 30
  rows \batch, 7, 19, 23, 27, 31
  .endif
  b.ne 2b
  .if \batch == 1
  add_part 2, 20, 21, 22, 23
  add_part 4, 24, 25, 26, 27
  .endif
  subs x1, x1, #1
  store x5, 16, 17, 18, 19
  .if \batch > 1
  store x13, 20, 21, 22, 23
  .endif
  .if \batch > 2
  store x14, 24, 25, 26, 27
  .endif
  .if \batch > 3
  store x15, 28, 29, 30, 31
  .endif
  b.ne 1b
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8s2s32_r16k16_neondot_16x\batch
.endm

tile 1
tile 2
tile 3
tile 4

tfp_end_file
#endif
