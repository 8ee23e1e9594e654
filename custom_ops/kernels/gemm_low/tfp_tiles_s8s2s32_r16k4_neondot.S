/* Tiles of 16 rows with SDOT and 2-bit weights. A depth step is 16 columns of weights, 4 times 4:
 * int8[4][4][4], 4 registers, of which each byte holds rows i, i + 4, i + 8 and i + 12 of one
 * column, see tfp_pack_low_r16.h. The product of the whole byte is a sum of theirs, times 1, 4,
 * 16 and 64: with that of its lower rows, which a mask leaves over, the difference is the last
 * row's. Four rows take three masks and four products. All rows but the last are 2 more than they
 * mean; what was added comes off with `offsets`, one a column of x.
 *
 * Sums may wrap around: what counts is that their differences, at most 64 times the results, stay
 * within 64 * 2 * 255 * 65536 < 2^31. So starts go in before the products.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 acc   x6 stride of acc
 *   x7 offsets   x8 steps left   x9..x12 columns of x   x13..x15 columns of acc
 *   v16..v31 sums, 4 registers a column: of one row of each byte, of 2, of 3 and of all 4
 *   v0..v3 x, 16 bytes a column   v4..v7 weights   v8..v10 rows of the weights   v11..v13 masks
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
.arch armv8.2-a+dotprod

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 512

/* 4 rows and 4 columns of weights times every column of x; v`a` to v`d` are their sums. */
.macro dots batch, w, columns, a, b, c, d
  sdot v\a\().4s, v\w\().16b, v0.4b[\columns]
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

.macro masks w
  and v8.16b, v\w\().16b, v11.16b
  and v9.16b, v\w\().16b, v12.16b
  and v10.16b, v\w\().16b, v13.16b
.endm

/* 4 columns of weights. */
.macro columns batch, w, columns
  masks \w
  dots \batch, \w, \columns, 19, 23, 27, 31
  dots \batch, 8, \columns, 16, 20, 24, 28
  dots \batch, 9, \columns, 17, 21, 25, 29
  dots \batch, 10, \columns, 18, 22, 26, 30
.endm

/* The same for one column of x, with a second set of sums: four chains would wait for latency. */
.macro columns_second w, columns
  masks \w
  dots 1, \w, \columns, 23, 0, 0, 0
  dots 1, 8, \columns, 20, 0, 0, 0
  dots 1, 9, \columns, 21, 0, 0, 0
  dots 1, 10, \columns, 22, 0, 0, 0
.endm

/* One depth step, whose weights begin at x0 + `at`. */
.macro step batch, at
  ldr q0, [x9], #16
  ldp q6, q7, [x0, #\at + 32]
  .if \batch > 1
  ldr q1, [x10], #16
  .endif
  .if \batch > 2
  ldr q2, [x11], #16
  .endif
  .if \batch > 3
  ldr q3, [x12], #16
  .endif
  columns \batch, 4, 0
  .if \batch == 1
  columns_second 5, 1
  columns 1, 6, 2
  columns_second 7, 3
  .else
  columns \batch, 5, 1
  columns \batch, 6, 2
  columns \batch, 7, 3
  .endif
.endm

/* The starts of one column: v4..v6, the last one times 64 in v7, and its offset. */
.macro begin column, a, b, c, d
  ldr s8, [x7, #4 * \column]
  dup v8.4s, v8.s[0]
  add v9.4s, v5.4s, v8.4s
  add v10.4s, v6.4s, v8.4s
  add v\a\().4s, v4.4s, v8.4s
  shl v9.4s, v9.4s, #2
  shl v10.4s, v10.4s, #4
  add v\b\().4s, v\a\().4s, v9.4s
  add v\c\().4s, v\b\().4s, v10.4s
  add v\d\().4s, v\c\().4s, v7.4s
.endm

.macro store acc, a, b, c, d
  sub v\d\().4s, v\d\().4s, v\c\().4s
  sub v\c\().4s, v\c\().4s, v\b\().4s
  sub v\b\().4s, v\b\().4s, v\a\().4s
  sshr v\d\().4s, v\d\().4s, #6
  sshr v\c\().4s, v\c\().4s, #4
  sshr v\b\().4s, v\b\().4s, #2
  stp q\a, q\b, [\acc], #32
  stp q\c, q\d, [\acc], #32
.endm

.macro tile batch
tfp_function tfp_tile_s8s2s32_r16k4_neondot_16x\batch
  stp d8, d9, [sp, #-48]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
  movi v11.16b, #0x03
  movi v12.16b, #0x0f
  movi v13.16b, #0x3f
1: /* a block */
  ldp q6, q7, [x0, #32]
  ldp q4, q5, [x0], #64
  shl v7.4s, v7.4s, #6
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
  ldp q4, q5, [x0], #128
  prfm pldl1keep, [x0, #AHEAD - 128]
  step \batch, -128
  ldp q4, q5, [x0, #-64]
  subs x8, x8, #2
  step \batch, -64
  b.hs 2b
3:
  tbz x8, #0, 4f
  ldp q4, q5, [x0], #64
  step \batch, -64
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
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #48
tfp_end_function tfp_tile_s8s2s32_r16k4_neondot_16x\batch
.endm

tile 1
tile 2
tile 3
tile 4

tfp_end_file
#endif
