/* The tiles of tfp_tiles_s8s32_r8k16_neon.S for Cortex-A53 and A55, which issue in order.
 *
 * A load of 128 bits keeps these processors from issuing anything else for two cycles. A load of 64
 * bits takes one; a load into an integer register and its insertion as the other half are free
 * beside arithmetic. Loads therefore go between the arithmetic, one step ahead of their use, and
 * instructions that need each other stay 8 arithmetic instructions apart.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 starts   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc   x16 halves left
 *   x17 first weights of a half   x19..x22 upper halves on their way   v16..v31 sums
 */
#if defined(__aarch64__)
#include "tfp_assembly.inc"

#define AHEAD 768

.macro low t, w, x
  smull v\t\().8h, v\w\().8b, v\x\().8b
.endm

.macro high t, w, x
  smlal2 v\t\().8h, v\w\().16b, v\x\().16b
.endm

.macro sum acc, t
  sadalp v\acc\().4s, v\t\().8h
.endm

.macro fetch v, part, offset
  ldr x\part, [x0, #\offset + 8]
  ldr d\v, [x0, #\offset]
.endm

.macro fetch_column v, part, column
  ldr x\part, [\column, #8]
  ldr d\v, [\column], #16
.endm

.macro join v, part
  ins v\v\().d[1], x\part
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
  stp d8, d9, [sp, #-96]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  stp x19, x20, [sp, #64]
  stp x21, x22, [sp, #80]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
.endm

.macro leave
  ldp x21, x22, [sp, #80]
  ldp x19, x20, [sp, #64]
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #96
.endm

/* 8 rows x 1: v0..v7 weights, v8 x, v24..v31 products. With `next` it loads the step after. */
.macro high_and_fetch t, w, next, part, offset, joined, joined_part
  high \t, \w, 8
  .if \next
  fetch \w, \part, \offset
  .if \joined >= 0
  join \joined, \joined_part
  .endif
  .endif
.endm

.macro step_8x1 next
  low 24, 0, 8
  .if \next
  prfm pldl1keep, [x0, #128 + AHEAD]
  .endif
  low 25, 1, 8
  .if \next
  prfm pldl1keep, [x0, #128 + AHEAD + 64]
  .endif
  low 26, 2, 8
  low 27, 3, 8
  low 28, 4, 8
  low 29, 5, 8
  low 30, 6, 8
  add x0, x0, #128
  low 31, 7, 8
  high_and_fetch 24, 0, \next, 19, 0, -1, 19
  high_and_fetch 25, 1, \next, 20, 16, 0, 19
  high_and_fetch 26, 2, \next, 21, 32, 1, 20
  high_and_fetch 27, 3, \next, 19, 48, 2, 21
  high_and_fetch 28, 4, \next, 20, 64, 3, 19
  high_and_fetch 29, 5, \next, 21, 80, 4, 20
  high_and_fetch 30, 6, \next, 19, 96, 5, 21
  high_and_fetch 31, 7, \next, 20, 112, 6, 19
  sum 16, 24
  .if \next
  fetch_column 8, 21, x9
  join 7, 20
  .endif
  sum 17, 25
  sum 18, 26
  sum 19, 27
  sum 20, 28
  .if \next
  join 8, 21
  .endif
  sum 21, 29
  sum 22, 30
  sum 23, 31
.endm

/* 8 rows x 2: v0, v1 x; v2..v5 rows 0..3; v6, v7 rows 4, 5; then v2, v3 rows 6, 7;
 * v8..v15 products. */
.macro step_8x2 next
  low 8, 2, 0
  low 12, 2, 1
  .if \next
  prfm pldl1keep, [x0, #128 + AHEAD]
  .endif
  low 9, 3, 0
  low 13, 3, 1
  .if \next
  prfm pldl1keep, [x0, #128 + AHEAD + 64]
  .endif
  low 10, 4, 0
  low 14, 4, 1
  low 11, 5, 0
  low 15, 5, 1
  high 8, 2, 0
  high 12, 2, 1
  high 9, 3, 0
  fetch 2, 19, 96
  high 13, 3, 1
  high 10, 4, 0
  fetch 3, 20, 112
  join 2, 19
  high 14, 4, 1
  high 11, 5, 0
  high 15, 5, 1
  join 3, 20
  sum 16, 8
  sum 24, 12
  .if \next
  fetch 4, 21, 160
  .endif
  sum 17, 9
  sum 25, 13
  .if \next
  fetch 5, 22, 176
  join 4, 21
  .endif
  sum 18, 10
  sum 26, 14
  .if \next
  join 5, 22
  .endif
  sum 19, 11
  sum 27, 15
  low 10, 2, 0
  low 14, 2, 1
  low 11, 3, 0
  low 15, 3, 1
  low 8, 6, 0
  low 12, 6, 1
  low 9, 7, 0
  low 13, 7, 1
  high 10, 2, 0
  high 14, 2, 1
  high 11, 3, 0
  .if \next
  fetch 2, 19, 128
  .endif
  high 15, 3, 1
  high 8, 6, 0
  .if \next
  fetch 3, 20, 144
  join 2, 19
  .endif
  high 12, 6, 1
  high 9, 7, 0
  .if \next
  fetch 6, 21, 192
  join 3, 20
  .endif
  high 13, 7, 1
  sum 22, 10
  .if \next
  fetch 7, 22, 208
  join 6, 21
  .endif
  sum 30, 14
  sum 23, 11
  .if \next
  fetch_column 0, 19, x9
  join 7, 22
  .endif
  sum 31, 15
  sum 20, 8
  .if \next
  fetch_column 1, 20, x10
  join 0, 19
  .endif
  sum 28, 12
  add x0, x0, #128
  sum 21, 9
  .if \next
  join 1, 20
  .endif
  sum 29, 13
.endm

.macro tile8 batch
tfp_function tfp_tile_s8s32_r8k16_neon_a53_8x\batch
  enter
1: /* a block */
  mov x7, x0
  add x0, x0, #64
  mov x16, #2
2: /* 8 rows */
  mov x9, x3
  subs x8, x2, #1
  .if \batch == 1
  ldp q0, q1, [x0]
  ldp q2, q3, [x0, #32]
  ldp q4, q5, [x0, #64]
  ldp q6, q7, [x0, #96]
  ldr q8, [x9], #16
  .else
  add x10, x3, x4
  ldp q2, q3, [x0]
  ldp q4, q5, [x0, #32]
  ldp q6, q7, [x0, #64]
  ldr q0, [x9], #16
  ldr q1, [x10], #16
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  b.eq 4f
3: /* 16 columns of weights */
  step_8x\batch 1
  subs x8, x8, #1
  b.ne 3b
4:
  step_8x\batch 0
  ldp q4, q5, [x7], #32
  reduce 16, 16, 17, 18, 19
  reduce 20, 20, 21, 22, 23
  .if \batch > 1
  reduce 24, 24, 25, 26, 27
  reduce 28, 28, 29, 30, 31
  .endif
  subs x16, x16, #1
  add v16.4s, v16.4s, v4.4s
  add v20.4s, v20.4s, v5.4s
  stp q16, q20, [x5], #32
  .if \batch > 1
  add v24.4s, v24.4s, v4.4s
  add v28.4s, v28.4s, v5.4s
  stp q24, q28, [x13], #32
  .endif
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s32_r8k16_neon_a53_8x\batch
.endm

/* 4 rows x 3 or 4: v0..v3 x, v4..v7 weights, v8..v15 products of two rows. */
.macro pair_low batch, w0, w1
  low 8, \w0, 0
  low 9, \w0, 1
  low 10, \w0, 2
  .if \batch > 3
  low 11, \w0, 3
  .endif
  low 12, \w1, 0
  low 13, \w1, 1
  low 14, \w1, 2
  .if \batch > 3
  low 15, \w1, 3
  .endif
.endm

.macro step_4 batch, next
  pair_low \batch, 4, 5
  high 8, 4, 0
  .if \next
  prfm pldl1keep, [x0, #128 + AHEAD]
  .endif
  high 9, 4, 1
  add x0, x0, #128
  high 10, 4, 2
  .if \batch > 3
  high 11, 4, 3
  .endif
  high 12, 5, 0
  .if \next
  fetch 4, 19, 0
  .endif
  high 13, 5, 1
  high 14, 5, 2
  .if \batch > 3
  high 15, 5, 3
  .endif
  sum 16, 8
  .if \next
  fetch 5, 20, 16
  join 4, 19
  .endif
  sum 20, 9
  sum 24, 10
  .if \batch > 3
  sum 28, 11
  .endif
  sum 17, 12
  .if \next
  join 5, 20
  .endif
  sum 21, 13
  sum 25, 14
  .if \batch > 3
  sum 29, 15
  .endif
  pair_low \batch, 6, 7
  high 8, 6, 0
  high 12, 7, 0
  high 9, 6, 1
  .if \next
  fetch_column 0, 21, x9
  .endif
  high 13, 7, 1
  high 10, 6, 2
  .if \next
  fetch_column 1, 22, x10
  join 0, 21
  .endif
  high 14, 7, 2
  .if \batch > 3
  high 11, 6, 3
  .endif
  .if \next
  fetch_column 2, 19, x11
  join 1, 22
  .endif
  .if \batch > 3
  high 15, 7, 3
  .endif
  sum 18, 8
  .if \next
  fetch 6, 20, 32
  join 2, 19
  .endif
  sum 19, 12
  sum 22, 9
  .if \next
  fetch 7, 21, 48
  join 6, 20
  .endif
  sum 23, 13
  sum 26, 10
  .if \next
  .if \batch > 3
  fetch_column 3, 22, x12
  .endif
  join 7, 21
  .endif
  sum 27, 14
  .if \batch > 3
  sum 30, 11
  .if \next
  join 3, 22
  .endif
  sum 31, 15
  .endif
.endm

.macro tile4 batch
tfp_function tfp_tile_s8s32_r8k16_neon_a53_4x\batch
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
  subs x8, x2, #1
  ldp q4, q5, [x0]
  ldr q0, [x9], #16
  ldr q1, [x10], #16
  ldr q2, [x11], #16
  ldp q6, q7, [x0, #32]
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  clear 24, 25, 26, 27
  .if \batch > 3
  ldr q3, [x12], #16
  clear 28, 29, 30, 31
  .endif
  b.eq 5f
4: /* 16 columns of weights */
  step_4 \batch, 1
  subs x8, x8, #1
  b.ne 4b
5:
  step_4 \batch, 0
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
  cbz x17, 6f
  mov x0, x17
  mov x17, #0
  b 3b
6: /* x0 is 64 bytes into the next half */
  sub x0, x0, #64
  subs x16, x16, #1
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s32_r8k16_neon_a53_4x\batch
.endm

tile8 1
tile8 2
tile4 3
tile4 4

tfp_end_file
#endif
