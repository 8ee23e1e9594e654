/* Tiles of 4 rows with 4-bit weights for every AArch64 processor. Weights are 0..15, 8 more than they
 * mean, so products stay below 2^11 and 16 of them fit into 16 bits: SMULL and SMLAL add 4 to 8
 * before SADALP widens. What was added to the weights comes off with `offsets`, one a column.
 *
 * Weights are uint8[4][steps][4][16]: 4 groups of 4 rows, and a depth step of 32 columns. Each sum is
 * a register of one row and one column, whose 4 lanes are added at the end.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   x16 groups left   x17 starts   v16..v31 sums   v15 mask, where there is room for it
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"

#define AHEAD 768

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* v`out` = the sums of 4 rows */
.macro reduce out, a, b, c, d
  addp v\a\().4s, v\a\().4s, v\b\().4s
  addp v\c\().4s, v\c\().4s, v\d\().4s
  addp v\out\().4s, v\a\().4s, v\c\().4s
.endm

.macro enter
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
.endm

.macro leave
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
.endm

/* v`a`..v`d` += or = 4 rows times 8 columns of x */
.macro product op, half, a, b, c, d, wa, wb, wc, wd, x
  \op v\a\().8h, v\wa\().\half, v\x\().\half
  \op v\b\().8h, v\wb\().\half, v\x\().\half
  \op v\c\().8h, v\wc\().\half, v\x\().\half
  \op v\d\().8h, v\wd\().\half, v\x\().\half
.endm

.macro widen a, b, c, d, ta, tb, tc, td
  sadalp v\a\().4s, v\ta\().8h
  sadalp v\b\().4s, v\tb\().8h
  sadalp v\c\().4s, v\tc\().8h
  sadalp v\d\().4s, v\td\().8h
.endm

/* One or two columns: v0..v3 x, v4..v7 high halves, v8..v11 low, v24..v31 products. `op` is smull in
 * the first of two steps and smlal in the second. */
.macro step_few batch, op
  ldp q4, q5, [x0]
  ldp q0, q1, [x9], #32
  ldp q6, q7, [x0, #32]
  .if \batch > 1
  ldp q2, q3, [x10], #32
  .endif
  prfm pldl1keep, [x0, #AHEAD]
  and v8.16b, v4.16b, v15.16b
  and v9.16b, v5.16b, v15.16b
  and v10.16b, v6.16b, v15.16b
  and v11.16b, v7.16b, v15.16b
  ushr v4.16b, v4.16b, #4
  ushr v5.16b, v5.16b, #4
  product \op, 8b, 24, 25, 26, 27, 8, 9, 10, 11, 0
  .if \batch > 1
  product \op, 8b, 28, 29, 30, 31, 8, 9, 10, 11, 2
  .endif
  ushr v6.16b, v6.16b, #4
  ushr v7.16b, v7.16b, #4
  product smlal2, 16b, 24, 25, 26, 27, 8, 9, 10, 11, 0
  .if \batch > 1
  product smlal2, 16b, 28, 29, 30, 31, 8, 9, 10, 11, 2
  .endif
  add x0, x0, #64
  product smlal, 8b, 24, 25, 26, 27, 4, 5, 6, 7, 1
  .if \batch > 1
  product smlal, 8b, 28, 29, 30, 31, 4, 5, 6, 7, 3
  .endif
  product smlal2, 16b, 24, 25, 26, 27, 4, 5, 6, 7, 1
  .if \batch > 1
  product smlal2, 16b, 28, 29, 30, 31, 4, 5, 6, 7, 3
  .endif
.endm

.macro widen_few batch
  widen 16, 17, 18, 19, 24, 25, 26, 27
  .if \batch > 1
  widen 20, 21, 22, 23, 28, 29, 30, 31
  .endif
.endm

.macro tile_few batch
tfp_function tfp_tile_s8s4s32_r4k32_neon_4x\batch
  enter
  movi v15.16b, #15
  ld1r {v12.4s}, [x7], #4
  .if \batch > 1
  ld1r {v13.4s}, [x7]
  .endif
1: /* a block */
  mov x17, x0
  add x0, x0, #64
  mov x16, #4
2: /* 4 rows */
  mov x9, x3
  .if \batch > 1
  add x10, x3, x4
  clear 20, 21, 22, 23
  .endif
  clear 16, 17, 18, 19
  subs x8, x2, #2
  b.lo 4f
3: /* 64 columns of weights */
  step_few \batch, smull
  subs x8, x8, #2
  step_few \batch, smlal
  widen_few \batch
  b.hs 3b
4:
  tbz x8, #0, 5f
  step_few \batch, smull
  widen_few \batch
5:
  ldr q4, [x17], #16
  subs x16, x16, #1
  reduce 16, 16, 17, 18, 19
  add v0.4s, v4.4s, v12.4s
  add v16.4s, v16.4s, v0.4s
  str q16, [x5], #16
  .if \batch > 1
  reduce 20, 20, 21, 22, 23
  add v1.4s, v4.4s, v13.4s
  add v20.4s, v20.4s, v1.4s
  str q20, [x13], #16
  .endif
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s4s32_r4k32_neon_4x\batch
.endm

/* Three or four columns: v0..v7 x, two registers a column; v12 low halves and v`w` high ones of one
 * row; v8..v11 products, widened after each step. */
.macro columns op, half, batch, w, x0, x1, x2, x3
  \op v8.8h, v\w\().\half, v\x0\().\half
  \op v9.8h, v\w\().\half, v\x1\().\half
  \op v10.8h, v\w\().\half, v\x2\().\half
  .if \batch > 3
  \op v11.8h, v\w\().\half, v\x3\().\half
  .endif
.endm

/* Takes one row apart. */
.macro decode w
  and v12.16b, v\w\().16b, v15.16b
  ushr v\w\().16b, v\w\().16b, #4
.endm

/* `next` is the row after it, which is taken apart meanwhile: processors that issue in order would
 * wait for it otherwise. */
.macro row_many batch, w, next, a, b, c, d
  columns smull, 8b, \batch, 12, 0, 2, 4, 6
  columns smlal2, 16b, \batch, 12, 0, 2, 4, 6
  .if \next
  decode \next
  .endif
  columns smlal, 8b, \batch, \w, 1, 3, 5, 7
  columns smlal2, 16b, \batch, \w, 1, 3, 5, 7
  sadalp v\a\().4s, v8.8h
  sadalp v\b\().4s, v9.8h
  sadalp v\c\().4s, v10.8h
  .if \batch > 3
  sadalp v\d\().4s, v11.8h
  .endif
.endm

.macro finish a, b, c, d, acc
  ld1r {v0.4s}, [x7], #4
  reduce \a, \a, \b, \c, \d
  add v0.4s, v0.4s, v4.4s
  add v\a\().4s, v\a\().4s, v0.4s
  str q\a, [\acc], #16
.endm

.macro tile_many batch
tfp_function tfp_tile_s8s4s32_r4k32_neon_4x\batch
  enter
  movi v15.16b, #15
1: /* a block */
  mov x17, x0
  add x0, x0, #64
  mov x16, #4
2: /* 4 rows */
  mov x9, x3
  add x10, x9, x4
  add x11, x10, x4
  add x12, x11, x4
  mov x8, x2
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  clear 24, 25, 26, 27
  .if \batch > 3
  clear 28, 29, 30, 31
  .endif
3: /* 32 columns of weights */
  ldp q13, q14, [x0], #64
  ldp q0, q1, [x9], #32
  ldp q2, q3, [x10], #32
  prfm pldl1keep, [x0, #AHEAD - 64]
  ldp q4, q5, [x11], #32
  .if \batch > 3
  ldp q6, q7, [x12], #32
  .endif
  decode 13
  row_many \batch, 13, 14, 16, 20, 24, 28
  ldr q13, [x0, #-32]
  row_many \batch, 14, 13, 17, 21, 25, 29
  ldr q14, [x0, #-16]
  subs x8, x8, #1
  row_many \batch, 13, 14, 18, 22, 26, 30
  row_many \batch, 14, 0, 19, 23, 27, 31
  b.ne 3b
  ldr q4, [x17], #16
  finish 16, 17, 18, 19, x5
  finish 20, 21, 22, 23, x13
  finish 24, 25, 26, 27, x14
  .if \batch > 3
  finish 28, 29, 30, 31, x15
  .endif
  sub x7, x7, #4 * \batch
  subs x16, x16, #1
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s4s32_r4k32_neon_4x\batch
.endm

tile_few 1
tile_few 2
tile_many 3
tile_many 4

tfp_end_file
#endif
