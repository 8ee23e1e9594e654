/* 8 rows x 1 and 8 rows x 2 for Cortex-A53 and A55: they read the weights in one line. */
#if defined(__aarch64__)
#include "../common/tfp_tiles_s8s32_r8k16_neon_a53.inc"

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

tile8 1
tile8 2

tfp_end_file
#endif
