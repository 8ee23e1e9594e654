/* One column times 16 rows, or 32 where there are two blocks, with weights of 4 or 2 bits: SDOT on
 * the weights that SMMLA takes, see tfp_tiles_low_r16k8_neoni8mm.inc; half of what SMMLA returns
 * would be thrown away. A depth step is 4 registers of weights, which hold 8 columns with 4 bits and
 * 16 with 2. x is repeated in both halves of a register, which the rows of both blocks share.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x5 acc   x7 offset
 *   x8 steps left   x9 x   x10 weights of the second block   x11 bytes of a block   x12, x17 starts
 *   v16..v23 sums of the first block, 2 rows a register, in the order of the masks, the whole bytes
 *   last; v24..v31 of the second
 *   v0, v1 x, 8 bytes each   v3 offset   v4..v7 weights of the first block   v9, v10, v11, v2 of the
 *   second   v12, v13 lower rows   v14 mask, v8 and v15 too with 2 bits
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
.arch armv8.2-a+dotprod

/* 4 rows of weights; v`a` and v`b` are their sums. */
.macro products x, w0, w1, a, b
  sdot v\a\().4s, v\w0\().16b, v\x\().16b
  sdot v\b\().4s, v\w1\().16b, v\x\().16b
.endm

.macro masked x, w0, w1, mask, a, b
  and v12.16b, v\w0\().16b, v\mask\().16b
  and v13.16b, v\w1\().16b, v\mask\().16b
  products \x, 12, 13, \a, \b
.endm

/* A depth step of one block: v`x` and, with 2 bits, v`y` are x. */
.macro step_4 x, y, w0, w1, w2, w3, a, b, c, d, e, f, g, h
  products \x, \w0, \w1, \e, \f
  masked \x, \w0, \w1, 14, \a, \b
  products \x, \w2, \w3, \g, \h
  masked \x, \w2, \w3, 14, \c, \d
.endm

.macro columns_2 x, w0, w1, a, b, c, d, e, f, g, h
  products \x, \w0, \w1, \g, \h
  masked \x, \w0, \w1, 15, \a, \b
  masked \x, \w0, \w1, 14, \c, \d
  masked \x, \w0, \w1, 8, \e, \f
.endm

.macro step_2 x, y, w0, w1, w2, w3, a, b, c, d, e, f, g, h
  columns_2 \x, \w0, \w1, \a, \b, \c, \d, \e, \f, \g, \h
  columns_2 \y, \w2, \w3, \a, \b, \c, \d, \e, \f, \g, \h
.endm

.macro first_block bits, x, y
  step_\bits \x, \y, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
.endm

.macro second_block bits, x, y
  step_\bits \x, \y, 9, 10, 11, 2, 24, 25, 26, 27, 28, 29, 30, 31
.endm

/* Two depth steps; `ahead` is how far ahead of the loads every second line is fetched. */
.macro two_steps bits, blocks, ahead
  ldp q4, q5, [x0], #128
  ld2r {v0.2d, v1.2d}, [x9], #16
  ldp q6, q7, [x0, #-96]
  prfm pldl1keep, [x0, #\ahead - 128]
  .if \blocks > 1
  ldp q9, q10, [x10], #128
  ldp q11, q2, [x10, #-96]
  prfm pldl1keep, [x10, #\ahead - 128]
  .endif
  subs x8, x8, #2
  first_block \bits, 0, 1
  ldp q4, q5, [x0, #-64]
  ldp q6, q7, [x0, #-32]
  .if \blocks > 1
  second_block \bits, 0, 1
  ldp q9, q10, [x10, #-64]
  ldp q11, q2, [x10, #-32]
  .endif
  .if \bits == 2
  ld2r {v0.2d, v1.2d}, [x9], #16
  first_block 2, 0, 1
  .else
  first_block 4, 1, 0
  .endif
  .if \blocks > 1
  .if \bits == 2
  second_block 2, 0, 1
  .else
  second_block 4, 1, 0
  .endif
  .endif
.endm

.macro one_step bits, blocks
  ldp q4, q5, [x0], #64
  .if \bits == 2
  ld2r {v0.2d, v1.2d}, [x9]
  .else
  ld1r {v0.2d}, [x9]
  .endif
  ldp q6, q7, [x0, #-32]
  first_block \bits, 0, 1
  .if \blocks > 1
  ldp q9, q10, [x10]
  ldp q11, q2, [x10, #32]
  second_block \bits, 0, 1
  .endif
.endm

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* What the rows of v4..v7 amount to, from what they and the rows below them in a byte do, and the
 * offset of those that have one. */
.macro rows_4
  sub v6.4s, v6.4s, v4.4s
  sub v7.4s, v7.4s, v5.4s
  sshr v6.4s, v6.4s, #4
  sshr v7.4s, v7.4s, #4
  add v4.4s, v4.4s, v3.4s
  add v5.4s, v5.4s, v3.4s
.endm

.macro rows_2
  sub v7.4s, v7.4s, v6.4s
  sub v6.4s, v6.4s, v5.4s
  sub v5.4s, v5.4s, v4.4s
  sshr v7.4s, v7.4s, #6
  sshr v6.4s, v6.4s, #4
  sshr v5.4s, v5.4s, #2
  add v4.4s, v4.4s, v3.4s
  add v5.4s, v5.4s, v3.4s
  add v6.4s, v6.4s, v3.4s
.endm

/* Adds the two halves of each row, and its start. */
.macro finish bits, start, a, b, c, d, e, f, g, h
  ldp q9, q10, [\start]
  ldp q11, q2, [\start, #32]
  addp v4.4s, v\a\().4s, v\b\().4s
  addp v5.4s, v\c\().4s, v\d\().4s
  addp v6.4s, v\e\().4s, v\f\().4s
  addp v7.4s, v\g\().4s, v\h\().4s
  rows_\bits
  add v4.4s, v4.4s, v9.4s
  add v5.4s, v5.4s, v10.4s
  add v6.4s, v6.4s, v11.4s
  add v7.4s, v7.4s, v2.4s
  stp q4, q5, [x5], #32
  stp q6, q7, [x5], #32
.endm

.macro rows bits, blocks, ahead
  mov x12, x0
  add x0, x0, #64
  mov x9, x3
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  .if \blocks > 1
  add x17, x12, x11
  add x10, x17, #64
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  subs x8, x2, #2
  b.lo 3f
2:
  two_steps \bits, \blocks, \ahead
  b.hs 2b
3:
  tbz x8, #0, 4f
  one_step \bits, \blocks
4:
  finish \bits, x12, 16, 17, 18, 19, 20, 21, 22, 23
  .if \blocks > 1
  finish \bits, x17, 24, 25, 26, 27, 28, 29, 30, 31
  add x0, x0, x11
  .endif
.endm

.macro tile bits, ahead
tfp_function tfp_tile_s8s\bits\()s32_r16k8_neoni8mm_16x1
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  ld1r {v3.4s}, [x7]
  movi v14.16b, #0x0f
  .if \bits == 2
  movi v15.16b, #0x03
  movi v8.16b, #0x3f
  .endif
  lsl x11, x2, #6
  add x11, x11, #64
  subs x1, x1, #2
  b.lo 5f
1: /* two blocks */
  rows \bits, 2, \ahead
  subs x1, x1, #2
  b.hs 1b
5:
  tbz x1, #0, 6f
  rows \bits, 1, \ahead
6:
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8s\bits\()s32_r16k8_neoni8mm_16x1
.endm

tile 4, 768
tile 2, 512

tfp_end_file
#endif
