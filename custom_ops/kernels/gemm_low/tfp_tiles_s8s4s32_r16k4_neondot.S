/* Tiles of 16 rows with SDOT and 4-bit weights. A depth step is 8 columns of weights, two times 4:
 * int8[2][8][4], 4 registers, of which each byte holds rows i and i + 8 of one column, see
 * tfp_pack_low_r16.h. The product of the whole byte is 16 times that of row i + 8 and once that
 * of row i, which a mask leaves over: two rows take one mask and two products. The lower rows are 8
 * more than they mean; what was added comes off with `offsets`, one a column of x.
 *
 * Sums may wrap around: what counts is that their differences, 16 times the results of the upper
 * rows, stay within 16 * 8 * 255 * 65536 < 2^31. So starts go in before the products.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   v16..v31 sums, 4 registers a column: 2 of lower rows, 2 of whole bytes
 *   v0..v3 x, 16 bytes a column; v0 and v1 of one alone   v4..v11 weights of two steps   v12, v13 lower rows   v14 mask
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
.arch armv8.2-a+dotprod

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 768

/* 4 rows and 4 columns of weights times every column of x, of which v`x` is the first; v`a` to v`d`
 * are their sums. */
.macro dots batch, w, columns, a, b, c, d, x=0
  sdot v\a\().4s, v\w\().16b, v\x\().4b[\columns]
  .if \batch > 1
  sdot v\b\().4s, v\w\().16b, v1.4b[\columns]
  .endif
  .if \batch > 2
  sdot v\c\().4s, v\w\().16b, v2.4b[\columns]
  .endif
  .if \batch > 3
  sdot v\d\().4s, v\w\().16b, v3.4b[\columns]
  .endif
.endm

/* 4 columns of weights. */
.macro columns batch, w0, w1, columns, x
  and v12.16b, v\w0\().16b, v14.16b
  and v13.16b, v\w1\().16b, v14.16b
  dots \batch, \w0, \columns, 18, 22, 26, 30, \x
  dots \batch, \w1, \columns, 19, 23, 27, 31, \x
  dots \batch, 12, \columns, 16, 20, 24, 28, \x
  dots \batch, 13, \columns, 17, 21, 25, 29, \x
.endm

/* The same for one column of x, with a second set of sums: four chains would wait for latency. */
.macro columns_second w0, w1, columns, x
  and v12.16b, v\w0\().16b, v14.16b
  and v13.16b, v\w1\().16b, v14.16b
  dots 1, \w0, \columns, 22, 0, 0, 0, \x
  dots 1, \w1, \columns, 23, 0, 0, 0, \x
  dots 1, 12, \columns, 20, 0, 0, 0, \x
  dots 1, 13, \columns, 21, 0, 0, 0, \x
.endm

/* One depth step: the 4 columns `low` and `high` of x. */
.macro step batch, w0, w1, w2, w3, low, high, x=0
  columns \batch, \w0, \w1, \low, \x
  .if \batch == 1
  columns_second \w2, \w3, \high, \x
  .else
  columns \batch, \w2, \w3, \high, \x
  .endif
.endm

/* Two steps from the byte `at` on of `bytes` that are read in a row: the first load moves x0 past
 * all of them. v`x` is the first column of x. */
.macro two_steps batch, at, bytes, x=0
  .if \at
  ldp q4, q5, [x0, #\at-\bytes]
  .else
  ldp q4, q5, [x0], #\bytes
  load_columns \batch, \bytes
  .endif
  ldp q6, q7, [x0, #\at-\bytes+32]
  prfm pldl1keep, [x0, #\at-\bytes+AHEAD]
  ldp q8, q9, [x0, #\at-\bytes+64]
  ldp q10, q11, [x0, #\at-\bytes+96]
  step \batch, 4, 5, 6, 7, 0, 1, \x
  step \batch, 8, 9, 10, 11, 2, 3, \x
.endm

.macro load_each batch, size, bytes
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

/* x for so many bytes of weights: 1, 2 or 4 steps. */
.macro load_columns batch, bytes
  .if \bytes == 256
  ldp q0, q1, [x9], #32
  .elseif \bytes == 128
  load_each \batch, q, 16
  .else
  load_each \batch, d, 8
  .endif
.endm

/* The starts of one column: v4..v7, the last two times 16, and its offset. */
.macro begin column, a, b, c, d
  ldr s8, [x7, #4 * \column]
  dup v8.4s, v8.s[0]
  add v\a\().4s, v4.4s, v8.4s
  add v\b\().4s, v5.4s, v8.4s
  add v\c\().4s, v\a\().4s, v6.4s
  add v\d\().4s, v\b\().4s, v7.4s
.endm

.macro store acc, a, b, c, d
  sub v\c\().4s, v\c\().4s, v\a\().4s
  sub v\d\().4s, v\d\().4s, v\b\().4s
  sshr v\c\().4s, v\c\().4s, #4
  sshr v\d\().4s, v\d\().4s, #4
  stp q\a, q\b, [\acc], #32
  stp q\c, q\d, [\acc], #32
.endm

.macro tile batch
tfp_function tfp_tile_s8s4s32_r16k4_neondot_16x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  str d14, [sp, #48]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
  movi v14.16b, #15
1: /* a block */
  ldp q6, q7, [x0, #32]
  ldp q4, q5, [x0], #64
  shl v6.4s, v6.4s, #4
  shl v7.4s, v7.4s, #4
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
  .if \batch == 1
  subs x8, x2, #4
  b.lo 3f
2: /* 4 steps: one column alone has a register for its next 2 steps */
  subs x8, x8, #4
  two_steps 1, 0, 256
  two_steps 1, 128, 256, 1
  b.hs 2b
3:
  tbz x8, #1, 4f
  two_steps 1, 0, 128
  .else
  subs x8, x2, #2
  b.lo 4f
3: /* 2 steps */
  subs x8, x8, #2
  two_steps \batch, 0, 128
  b.hs 3b
  .endif
4:
  tbz x8, #0, 5f
  ldp q4, q5, [x0], #64
  load_columns \batch, 64
  ldp q6, q7, [x0, #-32]
  step \batch, 4, 5, 6, 7, 0, 1
5:
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
  ldr d14, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8s4s32_r16k4_neondot_16x\batch
.endm

tile 1
tile 2
tile 3
tile 4

tfp_end_file
#endif
