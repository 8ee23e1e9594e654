/* Tiles of 16 rows with SDOT and 4-bit weights. A depth step is 8 columns of weights: uint8[16][4],
 * 4 registers, whose low halves are columns 0..3 and whose high halves are 4..7. Weights are 0..15, 8
 * more than they mean; what was added comes off with `offsets`, one a column of x.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   v16..v31 sums, 4 registers a column   v0..v3 x, 16 bytes a column
 *   v4..v7 and v8..v11 weights of two steps   v12..v14 low halves   v15 mask
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
.arch armv8.2-a+dotprod

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 768

/* 4 rows and 4 columns of weights times every column of x; v`a` to v`d` are their sums. */
.macro dots batch, w, step, a, b, c, d
  sdot v\a\().4s, v\w\().16b, v0.4b[\step]
  .if \batch > 1
  sdot v\b\().4s, v\w\().16b, v1.4b[\step]
  .endif
  .if \batch > 2
  sdot v\c\().4s, v\w\().16b, v2.4b[\step]
  .endif
  .if \batch > 3
  sdot v\d\().4s, v\w\().16b, v3.4b[\step]
  .endif
.endm

/* One depth step: columns `low` and `high` of x, in fours. One column alone has a second set of sums
 * for the high halves: four chains would wait for latency. */
.macro step batch, w0, w1, w2, w3, low, high
  and v12.16b, v\w0\().16b, v15.16b
  and v13.16b, v\w1\().16b, v15.16b
  dots \batch, 12, \low, 16, 20, 24, 28
  ushr v\w0\().16b, v\w0\().16b, #4
  dots \batch, 13, \low, 17, 21, 25, 29
  and v14.16b, v\w2\().16b, v15.16b
  ushr v\w1\().16b, v\w1\().16b, #4
  dots \batch, 14, \low, 18, 22, 26, 30
  and v12.16b, v\w3\().16b, v15.16b
  ushr v\w2\().16b, v\w2\().16b, #4
  dots \batch, 12, \low, 19, 23, 27, 31
  ushr v\w3\().16b, v\w3\().16b, #4
  .if \batch == 1
  dots 1, \w0, \high, 20, 0, 0, 0
  dots 1, \w1, \high, 21, 0, 0, 0
  dots 1, \w2, \high, 22, 0, 0, 0
  dots 1, \w3, \high, 23, 0, 0, 0
  .else
  dots \batch, \w0, \high, 16, 20, 24, 28
  dots \batch, \w1, \high, 17, 21, 25, 29
  dots \batch, \w2, \high, 18, 22, 26, 30
  dots \batch, \w3, \high, 19, 23, 27, 31
  .endif
.endm

/* `size` q or d: 2 steps or 1 of each column. */
.macro load_columns batch, size, bytes
  ldr \size\()0, [x9], #\bytes
  .if \batch > 1
  ldr \size\()1, [x10], #\bytes
  .endif
  .if \batch > 2
  ldr \size\()2, [x11], #\bytes
  .endif
  .if \batch > 3
  ldr \size\()3, [x12], #\bytes
  .endif
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

.macro tile batch
tfp_function tfp_tile_s8s4s32_r16k8_neondot_16x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
  movi v15.16b, #15
1: /* a block */
  ldp q4, q5, [x0]
  ldp q6, q7, [x0, #32]
  add x0, x0, #64
  mov x9, x3
  begin 0, 16, 17, 18, 19
  .if \batch == 1
  movi v20.4s, #0
  movi v21.4s, #0
  movi v22.4s, #0
  movi v23.4s, #0
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
  subs x8, x2, #2
  b.lo 3f
2: /* 2 steps */
  ldp q4, q5, [x0]
  load_columns \batch, q, 16
  ldp q6, q7, [x0, #32]
  prfm pldl1keep, [x0, #AHEAD]
  ldp q8, q9, [x0, #64]
  ldp q10, q11, [x0, #96]
  subs x8, x8, #2
  add x0, x0, #128
  step \batch, 4, 5, 6, 7, 0, 1
  step \batch, 8, 9, 10, 11, 2, 3
  b.hs 2b
3:
  tbz x8, #0, 4f
  ldp q4, q5, [x0]
  load_columns \batch, d, 8
  ldp q6, q7, [x0, #32]
  add x0, x0, #64
  step \batch, 4, 5, 6, 7, 0, 1
4:
  .if \batch == 1
  add v16.4s, v16.4s, v20.4s
  add v17.4s, v17.4s, v21.4s
  add v18.4s, v18.4s, v22.4s
  add v19.4s, v19.4s, v23.4s
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
tfp_end_function tfp_tile_s8s4s32_r16k8_neondot_16x\batch
.endm

tile 1
tile 2
tile 3
tile 4

tfp_end_file
#endif
