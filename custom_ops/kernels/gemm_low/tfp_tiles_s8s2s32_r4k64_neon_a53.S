/* The tiles of tfp_tiles_s8s2s32_r4k64_neon.S for Cortex-A53 and A55; how these load is told in
 * tfp_tiles_s8s32_r8k16_neon_a53.inc.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9, x10 columns of x   x11 steps until SADALP   x12 last of them
 *   x13 second acc   x16 groups left   x17 starts   x19..x22 upper halves on their way
 *   v0..v3 weights   v4..v7 a part of them   v8, v9 and v10, v11 x, one part ahead in turn
 *   v12, v13 offsets   v15 mask   v16..v23 sums   v24..v31 products
 */
#if defined(__aarch64__)
#include "../common/tfp_tiles_s8s32_r8k16_neon_a53.inc"

#define STEPS_IN_16_BITS 10

.macro shift count
  ushr v4.16b, v0.16b, #\count
  ushr v5.16b, v1.16b, #\count
  ushr v6.16b, v2.16b, #\count
  ushr v7.16b, v3.16b, #\count
.endm

.macro mask a, b, c, d
  and v4.16b, v\a\().16b, v15.16b
  and v5.16b, v\b\().16b, v15.16b
  and v6.16b, v\c\().16b, v15.16b
  and v7.16b, v\d\().16b, v15.16b
.endm

/* Half of two rows of a part times 8 columns of x. */
.macro rows_0_1 batch, op, half, x, y
  \op v24.8h, v4.\half, v\x\().\half
  \op v25.8h, v5.\half, v\x\().\half
  .if \batch > 1
  \op v28.8h, v4.\half, v\y\().\half
  \op v29.8h, v5.\half, v\y\().\half
  .endif
.endm

.macro rows_2_3 batch, op, half, x, y
  \op v26.8h, v6.\half, v\x\().\half
  \op v27.8h, v7.\half, v\x\().\half
  .if \batch > 1
  \op v30.8h, v6.\half, v\y\().\half
  \op v31.8h, v7.\half, v\y\().\half
  .endif
.endm

/* A part times x in v`x` and v`y`, while that of the next part comes to v`nx` and v`ny`. */
.macro part batch, x, y, nx, ny
  rows_0_1 \batch, smlal, 8b, \x, \y
  fetch_column \nx, 19, x9
  rows_2_3 \batch, smlal, 8b, \x, \y
  .if \batch > 1
  fetch_column \ny, 20, x10
  .endif
  rows_0_1 \batch, smlal2, 16b, \x, \y
  join \nx, 19
  .if \batch > 1
  join \ny, 20
  .endif
  rows_2_3 \batch, smlal2, 16b, \x, \y
.endm

/* The last part, while the next step comes, where there is one. */
.macro last_part batch, next
  rows_0_1 \batch, smlal, 8b, 10, 11
  .if \next
  fetch 0, 19, 64
  .endif
  rows_2_3 \batch, smlal, 8b, 10, 11
  .if \next
  fetch 1, 20, 80
  join 0, 19
  .endif
  rows_0_1 \batch, smlal2, 16b, 10, 11
  .if \next
  fetch 2, 21, 96
  join 1, 20
  fetch 3, 22, 112
  join 2, 21
  .endif
  rows_2_3 \batch, smlal2, 16b, 10, 11
  .if \next
  fetch_column 8, 19, x9
  join 3, 22
  .if \batch > 1
  fetch_column 9, 20, x10
  .endif
  join 8, 19
  .if \batch > 1
  join 9, 20
  .endif
  .endif
.endm

.macro step batch, next
  mask 0, 1, 2, 3
  prfm pldl1keep, [x0, #AHEAD]
  part \batch, 8, 9, 10, 11
  shift 2
  mask 4, 5, 6, 7
  part \batch, 10, 11, 8, 9
  shift 4
  mask 4, 5, 6, 7
  part \batch, 8, 9, 10, 11
  shift 6
  last_part \batch, \next
  add x0, x0, #64
.endm

.macro tile batch
tfp_function tfp_tile_s8s2s32_r4k64_neon_a53_4x\batch
  enter
  movi v15.16b, #3
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
  mov x8, x2
  ldp q0, q1, [x0]
  ldp q2, q3, [x0, #32]
  ldr q8, [x9], #16
  .if \batch > 1
  add x10, x3, x4
  ldr q9, [x10], #16
  clear 20, 21, 22, 23
  .endif
  clear 16, 17, 18, 19
3: /* what fits into 16 bits */
  mov x11, #STEPS_IN_16_BITS
  cmp x8, x11
  csel x11, x8, x11, lo
  subs x8, x8, x11
  clear 24, 25, 26, 27
  .if \batch > 1
  clear 28, 29, 30, 31
  .endif
  cset x12, eq
  subs x11, x11, x12
  b.eq 5f
4: /* 64 columns of weights, and there are more */
  subs x11, x11, #1
  step \batch, 1
  b.ne 4b
5:
  cbz x12, 6f
  step \batch, 0
6:
  sum 16, 24
  sum 17, 25
  sum 18, 26
  sum 19, 27
  .if \batch > 1
  sum 20, 28
  sum 21, 29
  sum 22, 30
  sum 23, 31
  .endif
  cbnz x8, 3b
  ldr q4, [x17], #16
  subs x16, x16, #1
  reduce 16, 16, 17, 18, 19
  add v0.4s, v4.4s, v12.4s
  .if \batch > 1
  reduce 20, 20, 21, 22, 23
  add v1.4s, v4.4s, v13.4s
  .endif
  add v16.4s, v16.4s, v0.4s
  str q16, [x5], #16
  .if \batch > 1
  add v20.4s, v20.4s, v1.4s
  str q20, [x13], #16
  .endif
  b.ne 2b
  subs x1, x1, #1
  b.ne 1b
  leave
tfp_end_function tfp_tile_s8s2s32_r4k64_neon_a53_4x\batch
.endm

tile 1
tile 2

tfp_end_file
#endif
