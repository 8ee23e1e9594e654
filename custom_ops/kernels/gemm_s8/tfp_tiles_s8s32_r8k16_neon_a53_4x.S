/* 4 rows x 3 and 4 rows x 4 for Cortex-A53 and A55: they go twice over the 8 rows of a half. */
#if defined(__aarch64__)
#include "../common/tfp_tiles_s8s32_r8k16_neon_a53.inc"

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

tile4 3
tile4 4

tfp_end_file
#endif
