/* Tiles for every AArch64 processor: 16 products in three instructions. SMULL and SMLAL2 add two
 * products in 16 bits (|w| <= 127, so at most 2 * 127 * 128), SADALP widens and adds pairs of them.
 *
 * Weights are int8[2][steps][8][16]: two halves of 8 rows, and a depth step of 16 columns. Each sum
 * is a register of one row and one column, whose 4 lanes are added at the end.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 starts   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc   x16 halves left
 *   x17 first weights of a half   v16..v31 sums
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"

#define AHEAD 1024

/* One step of four rows times one column, side by side. */
.macro product4 x, a, b, c, d, wa, wb, wc, wd, ta, tb, tc, td
  smull v\ta\().8h, v\wa\().8b, v\x\().8b
  smull v\tb\().8h, v\wb\().8b, v\x\().8b
  smull v\tc\().8h, v\wc\().8b, v\x\().8b
  smull v\td\().8h, v\wd\().8b, v\x\().8b
  smlal2 v\ta\().8h, v\wa\().16b, v\x\().16b
  smlal2 v\tb\().8h, v\wb\().16b, v\x\().16b
  smlal2 v\tc\().8h, v\wc\().16b, v\x\().16b
  smlal2 v\td\().8h, v\wd\().16b, v\x\().16b
  sadalp v\a\().4s, v\ta\().8h
  sadalp v\b\().4s, v\tb\().8h
  sadalp v\c\().4s, v\tc\().8h
  sadalp v\d\().4s, v\td\().8h
.endm

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

/* One step of 8 rows; v`x` and v`y` are x of the columns. `offset` bytes lie between x0 and its
 * weights, where `first` is 0; else x0 is moved by `first` bytes, past all steps of a loop. */
.macro step8 batch, x, y, offset, first=0
  .if \first
  ldp q4, q5, [x0], #\first
  .else
  ldp q4, q5, [x0, #\offset]
  .endif
  ldp q6, q7, [x0, #\offset + 32]
  prfm pldl1keep, [x0, #\offset + AHEAD]
  product4 \x, 16, 17, 18, 19, 4, 5, 6, 7, 8, 9, 10, 11
  .if \batch > 1
  product4 \y, 24, 25, 26, 27, 4, 5, 6, 7, 12, 13, 14, 15
  .endif
  ldp q4, q5, [x0, #\offset + 64]
  ldp q6, q7, [x0, #\offset + 96]
  prfm pldl1keep, [x0, #\offset + AHEAD + 64]
  product4 \x, 20, 21, 22, 23, 4, 5, 6, 7, 8, 9, 10, 11
  .if \batch > 1
  product4 \y, 28, 29, 30, 31, 4, 5, 6, 7, 12, 13, 14, 15
  .endif
.endm

/* 8 rows x 1 and 8 rows x 2 read the weights in one line. */
.macro tile8 batch
tfp_function tfp_tile_s8s32_r8k16_neon_8x\batch
  enter
1: /* a block */
  mov x7, x0
  add x0, x0, #64
  mov x16, #2
2: /* 8 rows */
  mov x9, x3
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  .if \batch > 1
  add x10, x3, x4
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  subs x8, x2, #2
  b.lo 4f
3: /* 2 x 16 columns of weights */
  ldp q0, q1, [x9], #32
  .if \batch > 1
  ldp q2, q3, [x10], #32
  .endif
  subs x8, x8, #2
  step8 \batch, 0, 2, -256, 256
  step8 \batch, 1, 3, -128
  b.hs 3b
4:
  tbz x8, #0, 5f
  ldr q0, [x9]
  .if \batch > 1
  ldr q2, [x10]
  .endif
  step8 \batch, 0, 2, -128, 128
5:
  ldp q4, q5, [x7], #32
  reduce 16, 16, 17, 18, 19
  reduce 20, 20, 21, 22, 23
  add v16.4s, v16.4s, v4.4s
  add v20.4s, v20.4s, v5.4s
  stp q16, q20, [x5], #32
  .if \batch > 1
  reduce 24, 24, 25, 26, 27
  reduce 28, 28, 29, 30, 31
  add v24.4s, v24.4s, v4.4s
  add v28.4s, v28.4s, v5.4s
  stp q24, q28, [x13], #32
  .endif
  subs x16, x16, #1
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s32_r8k16_neon_8x\batch
.endm

/* 4 rows x 3 and 4 rows x 4 go twice over the 8 rows of a half. */
.macro tile4 batch
tfp_function tfp_tile_s8s32_r8k16_neon_4x\batch
  enter
1: /* a block */
  mov x7, x0
  add x0, x0, #64
  mov x16, #2
2: /* 8 rows */
  add x17, x0, #64
3: /* 4 rows */
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
4: /* 16 columns of weights */
  ldp q4, q5, [x0], #128
  ldr q0, [x9], #16
  ldr q1, [x10], #16
  ldp q6, q7, [x0, #-96]
  prfm pldl1keep, [x0, #AHEAD - 128]
  ldr q2, [x11], #16
  .if \batch > 3
  ldr q3, [x12], #16
  .endif
  subs x8, x8, #1
  product4 0, 16, 17, 18, 19, 4, 5, 6, 7, 8, 9, 10, 11
  product4 1, 20, 21, 22, 23, 4, 5, 6, 7, 12, 13, 14, 15
  product4 2, 24, 25, 26, 27, 4, 5, 6, 7, 8, 9, 10, 11
  .if \batch > 3
  product4 3, 28, 29, 30, 31, 4, 5, 6, 7, 12, 13, 14, 15
  .endif
  b.ne 4b
  ldr q4, [x7], #16
  reduce 16, 16, 17, 18, 19
  reduce 20, 20, 21, 22, 23
  reduce 24, 24, 25, 26, 27
  add v16.4s, v16.4s, v4.4s
  add v20.4s, v20.4s, v4.4s
  add v24.4s, v24.4s, v4.4s
  str q16, [x5], #16
  str q20, [x13], #16
  str q24, [x14], #16
  .if \batch > 3
  reduce 28, 28, 29, 30, 31
  add v28.4s, v28.4s, v4.4s
  str q28, [x15], #16
  .endif
  cbz x17, 5f
  mov x0, x17
  mov x17, #0
  b 3b
5: /* x0 is 64 bytes into the next half */
  sub x0, x0, #64
  subs x16, x16, #1
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s32_r8k16_neon_4x\batch
.endm

tile8 1
tile8 2
tile4 3
tile4 4

tfp_end_file
#endif
