/* The tiles of tfp_tiles_s8s4s32_r4k32_neon.S for Cortex-A53 and A55; how these load is told in
 * tfp_tiles_s8s32_r8k16_neon_a53.inc. More than two columns would need sums in 32 bits after each
 * step, which costs more than to take the weights apart again.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9, x10 columns of x   x13 second acc
 *   x16 groups left   x17 starts   x19..x22 upper halves on their way
 *   v0..v3 and v4..v7 weights of one step, their halves in turn with the weights of the next
 *   v8, v9 and v10, v11 x   v12, v13 offsets   v15 mask   v16..v23 sums   v24..v31 products
 */
#if defined(__aarch64__)
#include "../common/tfp_tiles_s8s32_r8k16_neon_a53.inc"

/* Half of v`w` times 8 columns of x, for row `row` of every column. */
.macro multiply batch, op, half, row, w, x, y
  .if \row == 0
  \op v24.8h, v\w\().\half, v\x\().\half
  .if \batch > 1
  \op v28.8h, v\w\().\half, v\y\().\half
  .endif
  .elseif \row == 1
  \op v25.8h, v\w\().\half, v\x\().\half
  .if \batch > 1
  \op v29.8h, v\w\().\half, v\y\().\half
  .endif
  .elseif \row == 2
  \op v26.8h, v\w\().\half, v\x\().\half
  .if \batch > 1
  \op v30.8h, v\w\().\half, v\y\().\half
  .endif
  .else
  \op v27.8h, v\w\().\half, v\x\().\half
  .if \batch > 1
  \op v31.8h, v\w\().\half, v\y\().\half
  .endif
  .endif
.endm

/* The low half of `raw` goes to `low`, the high one stays. */
.macro decode low, raw
  and v\low\().16b, v\raw\().16b, v15.16b
  ushr v\raw\().16b, v\raw\().16b, #4
.endm

/* One step with weights in v`a` to v`d`; the low halves go to v`e` to v`h`, and then the weights of
 * the next step, where there is one. The first half of x is there, the second is loaded here. `op` is
 * smull in the first of two steps and smlal in the second. */
.macro step batch, op, a, b, c, d, e, f, g, h, next
  decode \e, \a
  fetch_column 9, 19, x9
  decode \f, \b
  .if \batch > 1
  fetch_column 11, 20, x10
  .endif
  decode \g, \c
  join 9, 19
  prfm pldl1keep, [x0, #64 + AHEAD]
  decode \h, \d
  .if \batch > 1
  join 11, 20
  .endif
  multiply \batch, \op, 8b, 0, \e, 8, 10
  multiply \batch, \op, 8b, 1, \f, 8, 10
  multiply \batch, \op, 8b, 2, \g, 8, 10
  multiply \batch, \op, 8b, 3, \h, 8, 10
  multiply \batch, smlal2, 16b, 0, \e, 8, 10
  .if \next
  fetch \e, 19, 64
  .endif
  multiply \batch, smlal2, 16b, 1, \f, 8, 10
  .if \next
  fetch \f, 20, 80
  join \e, 19
  .endif
  multiply \batch, smlal2, 16b, 2, \g, 8, 10
  .if \next
  fetch \g, 21, 96
  join \f, 20
  .endif
  multiply \batch, smlal2, 16b, 3, \h, 8, 10
  .if \next
  fetch \h, 22, 112
  join \g, 21
  .endif
  multiply \batch, smlal, 8b, 0, \a, 9, 11
  .if \next
  fetch_column 8, 19, x9
  join \h, 22
  .endif
  multiply \batch, smlal, 8b, 1, \b, 9, 11
  .if \next && \batch > 1
  fetch_column 10, 20, x10
  .endif
  multiply \batch, smlal, 8b, 2, \c, 9, 11
  .if \next
  join 8, 19
  .endif
  multiply \batch, smlal, 8b, 3, \d, 9, 11
  .if \next && \batch > 1
  join 10, 20
  .endif
  add x0, x0, #64
  multiply \batch, smlal2, 16b, 0, \a, 9, 11
  multiply \batch, smlal2, 16b, 1, \b, 9, 11
  multiply \batch, smlal2, 16b, 2, \c, 9, 11
  multiply \batch, smlal2, 16b, 3, \d, 9, 11
.endm

.macro first_step batch, next
  step \batch, smull, 0, 1, 2, 3, 4, 5, 6, 7, \next
.endm

.macro second_step batch, next
  step \batch, smlal, 4, 5, 6, 7, 0, 1, 2, 3, \next
.endm

.macro widen batch
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
.endm

.macro tile batch
tfp_function tfp_tile_s8s4s32_r4k32_neon_a53_4x\batch
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
  subs x8, x2, #2
  ldp q0, q1, [x0]
  ldp q2, q3, [x0, #32]
  ldr q8, [x9], #16
  .if \batch > 1
  add x10, x3, x4
  ldr q10, [x10], #16
  clear 20, 21, 22, 23
  .endif
  clear 16, 17, 18, 19
  b.ls 4f
3: /* 64 columns of weights, and there are more */
  first_step \batch, 1
  subs x8, x8, #2
  second_step \batch, 1
  widen \batch
  b.hi 3b
4:
  b.lo 5f
  first_step \batch, 1
  second_step \batch, 0
  b 6f
5:
  first_step \batch, 0
6:
  widen \batch
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
tfp_end_function tfp_tile_s8s4s32_r4k32_neon_a53_4x\batch
.endm

tile 1
tile 2

tfp_end_file
#endif
