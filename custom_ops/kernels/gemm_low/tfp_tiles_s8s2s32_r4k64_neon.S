/* Tiles of 4 rows with 2-bit weights for every AArch64 processor. Weights are 0..3, 2 more than they
 * mean, so products stay below 2^9 and 80 of them fit into 16 bits: SMLAL adds up 10 depth steps
 * before SADALP widens. What was added to the weights comes off with `offsets`, one a column.
 *
 * Weights are uint8[4][steps][4][16]: 4 groups of 4 rows, and a depth step of 64 columns. Each sum is
 * a register of one row and one column, whose 4 lanes are added at the end.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9, x10 columns of x   x11 steps until SADALP   x13 second acc
 *   x16 groups left   x17 starts
 *   v0..v7 x, 4 registers a column   v8..v11 weights   v12..v14 parts of them   v15 mask
 *   v16..v23 sums   v24..v31 products; one column leaves v20..v23 and v28 for parts
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"

#define AHEAD 512
#define STEPS_IN_16_BITS 10

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

.macro widen a, b, c, d, ta, tb, tc, td
  sadalp v\a\().4s, v\ta\().8h
  sadalp v\b\().4s, v\tb\().8h
  sadalp v\c\().4s, v\tc\().8h
  sadalp v\d\().4s, v\td\().8h
.endm

/* One part of two rows times 16 columns of x, v`x` and v`y`. */
.macro product a, b, c, d, wa, wb, x, y
  smlal v\a\().8h, v\wa\().8b, v\x\().8b
  smlal v\b\().8h, v\wb\().8b, v\x\().8b
  smlal v\c\().8h, v\wa\().8b, v\y\().8b
  smlal v\d\().8h, v\wb\().8b, v\y\().8b
  smlal2 v\a\().8h, v\wa\().16b, v\x\().16b
  smlal2 v\b\().8h, v\wb\().16b, v\x\().16b
  smlal2 v\c\().8h, v\wa\().16b, v\y\().16b
  smlal2 v\d\().8h, v\wb\().16b, v\y\().16b
.endm

/* Two columns: two rows at a time. */
.macro two_rows wa, wb, a, b, c, d
  and v12.16b, v\wa\().16b, v15.16b
  and v13.16b, v\wb\().16b, v15.16b
  ushr v14.16b, v\wa\().16b, #2
  product \a, \b, \c, \d, 12, 13, 0, 4
  ushr v13.16b, v\wb\().16b, #2
  and v12.16b, v14.16b, v15.16b
  and v13.16b, v13.16b, v15.16b
  ushr v14.16b, v\wa\().16b, #4
  product \a, \b, \c, \d, 12, 13, 1, 5
  ushr v13.16b, v\wb\().16b, #4
  and v12.16b, v14.16b, v15.16b
  and v13.16b, v13.16b, v15.16b
  ushr v\wa\().16b, v\wa\().16b, #6
  ushr v\wb\().16b, v\wb\().16b, #6
  product \a, \b, \c, \d, 12, 13, 2, 6
  product \a, \b, \c, \d, \wa, \wb, 3, 7
.endm

/* One column: one part of four rows. */
.macro part_alone x, a, b, c, d
  smlal v24.8h, v\a\().8b, v\x\().8b
  smlal v25.8h, v\b\().8b, v\x\().8b
  smlal v26.8h, v\c\().8b, v\x\().8b
  smlal v27.8h, v\d\().8b, v\x\().8b
  smlal2 v24.8h, v\a\().16b, v\x\().16b
  smlal2 v25.8h, v\b\().16b, v\x\().16b
  smlal2 v26.8h, v\c\().16b, v\x\().16b
  smlal2 v27.8h, v\d\().16b, v\x\().16b
.endm

.macro shift count, a, b, c, d
  ushr v\a\().16b, v8.16b, #\count
  ushr v\b\().16b, v9.16b, #\count
  ushr v\c\().16b, v10.16b, #\count
  ushr v\d\().16b, v11.16b, #\count
.endm

.macro mask a, b, c, d, from_a, from_b, from_c, from_d
  and v\a\().16b, v\from_a\().16b, v15.16b
  and v\b\().16b, v\from_b\().16b, v15.16b
  and v\c\().16b, v\from_c\().16b, v15.16b
  and v\d\().16b, v\from_d\().16b, v15.16b
.endm

.macro four_rows
  mask 12, 13, 14, 28, 8, 9, 10, 11
  shift 2, 20, 21, 22, 23
  part_alone 0, 12, 13, 14, 28
  mask 20, 21, 22, 23, 20, 21, 22, 23
  shift 4, 12, 13, 14, 28
  part_alone 1, 20, 21, 22, 23
  mask 12, 13, 14, 28, 12, 13, 14, 28
  shift 6, 8, 9, 10, 11
  part_alone 2, 12, 13, 14, 28
  part_alone 3, 8, 9, 10, 11
.endm

.macro tile batch
tfp_function tfp_tile_s8s2s32_r4k64_neon_4x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  add x13, x5, x6, lsl #2
  movi v15.16b, #3
1: /* a block */
  mov x17, x0
  add x0, x0, #64
  mov x16, #4
2: /* 4 rows */
  mov x9, x3
  mov x8, x2
  clear 16, 17, 18, 19
  .if \batch > 1
  add x10, x3, x4
  clear 20, 21, 22, 23
  .endif
3: /* what fits into 16 bits */
  mov x11, #STEPS_IN_16_BITS
  cmp x8, x11
  csel x11, x8, x11, lo
  sub x8, x8, x11
  clear 24, 25, 26, 27
  .if \batch > 1
  clear 28, 29, 30, 31
  .endif
4: /* 64 columns of weights */
  ldp q8, q9, [x0], #64
  ldp q0, q1, [x9], #32
  ldp q10, q11, [x0, #-32]
  ldp q2, q3, [x9], #32
  .if \batch > 1
  ldp q4, q5, [x10], #32
  ldp q6, q7, [x10], #32
  .endif
  prfm pldl1keep, [x0, #AHEAD - 64]
  subs x11, x11, #1
  .if \batch > 1
  two_rows 8, 9, 24, 25, 28, 29
  two_rows 10, 11, 26, 27, 30, 31
  .else
  four_rows
  .endif
  b.ne 4b
  widen 16, 17, 18, 19, 24, 25, 26, 27
  .if \batch > 1
  widen 20, 21, 22, 23, 28, 29, 30, 31
  .endif
  cbnz x8, 3b
  ldr q0, [x17], #16
  ld1r {v1.4s}, [x7]
  reduce 16, 16, 17, 18, 19
  subs x16, x16, #1
  add v1.4s, v1.4s, v0.4s
  add v16.4s, v16.4s, v1.4s
  str q16, [x5], #16
  .if \batch > 1
  ldr s2, [x7, #4]
  reduce 20, 20, 21, 22, 23
  dup v2.4s, v2.s[0]
  add v2.4s, v2.4s, v0.4s
  add v20.4s, v20.4s, v2.4s
  str q20, [x13], #16
  .endif
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8s2s32_r4k64_neon_4x\batch
.endm

tile 1
tile 2

tfp_end_file
#endif
