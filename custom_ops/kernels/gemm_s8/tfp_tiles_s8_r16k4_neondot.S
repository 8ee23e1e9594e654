/* Tiles of 16 rows with SDOT. A depth step is 4 columns of weights: int8[16][4], 4 registers. Results
 * are sums in int32, levels in int8 or float32.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x4 stride of x   x5 results   x6 their stride
 *   x7 see tfp_levels_neon.inc, tfp_floats_neon.inc   x8 steps left   x9..x12 columns of x   x13..x15 columns of results
 *   v16..v31 sums, 4 registers a column   v0..v3 x, 16 bytes a column
 *   v4..v7 and v8..v11 weights of two steps, loaded one step ahead for in-order processors
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
#include "tfp_floats_neon.inc"
#include "tfp_levels_neon.inc"
.arch armv8.2-a+dotprod

/* How far ahead of the loads weights are fetched: they are one linear stream, across blocks too.
 * Every second line is enough for the prefetchers of these processors; each fetch takes the place
 * of a load, and loads bound a single column whose weights are in the cache. */
#define AHEAD 1024

/* Step `step` of `steps` that are read in a row: the first load moves x0 past all of them. */
.macro load_first step, steps
  .if \step == 0
  ldp q4, q5, [x0], #64 * \steps
  .else
  ldp q4, q5, [x0, #64 * (\step - \steps)]
  .endif
  ldp q6, q7, [x0, #64 * (\step - \steps) + 32]
  prfm pldl1keep, [x0, #64 * (\step - \steps) + AHEAD]
.endm

.macro load_second step, steps
  ldp q8, q9, [x0, #64 * (\step - \steps)]
  ldp q10, q11, [x0, #64 * (\step - \steps) + 32]
.endm

/* One step of one column with the first or the second set of weights. */
.macro first a, b, c, d, x, step
  sdot v\a\().4s, v4.16b, v\x\().4b[\step]
  sdot v\b\().4s, v5.16b, v\x\().4b[\step]
  sdot v\c\().4s, v6.16b, v\x\().4b[\step]
  sdot v\d\().4s, v7.16b, v\x\().4b[\step]
.endm

.macro second a, b, c, d, x, step
  sdot v\a\().4s, v8.16b, v\x\().4b[\step]
  sdot v\b\().4s, v9.16b, v\x\().4b[\step]
  sdot v\c\().4s, v10.16b, v\x\().4b[\step]
  sdot v\d\().4s, v11.16b, v\x\().4b[\step]
.endm

/* One column alone alternates between two sets of sums: four chains would wait for latency. */
.macro first_columns batch, step, x=0
  first 16, 17, 18, 19, \x, \step
  .if \batch > 1
  first 20, 21, 22, 23, 1, \step
  .endif
  .if \batch > 2
  first 24, 25, 26, 27, 2, \step
  .endif
  .if \batch > 3
  first 28, 29, 30, 31, 3, \step
  .endif
.endm

.macro second_columns batch, step, x=0
  .if \batch == 1
  second 20, 21, 22, 23, \x, \step
  .else
  second 16, 17, 18, 19, 0, \step
  second 20, 21, 22, 23, 1, \step
  .endif
  .if \batch > 2
  second 24, 25, 26, 27, 2, \step
  .endif
  .if \batch > 3
  second 28, 29, 30, 31, 3, \step
  .endif
.endm

/* `size` q or s: 4 steps or 1 of each column. */
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

/* 4 steps from step `done` of `steps` that are read in a row; v`x` is x of a column alone. */
.macro four_steps batch, done, steps, x=0
  load_first \done, \steps
  load_second \done+1, \steps
  first_columns \batch, 0, \x
  load_first \done+2, \steps
  second_columns \batch, 1, \x
  load_second \done+3, \steps
  first_columns \batch, 2, \x
  second_columns \batch, 3, \x
.endm

/* Loads, not copies: those would take the pipes of SDOT. */
.macro load_starts a, b, c, d
  ldp q\a, q\b, [x0]
  ldp q\c, q\d, [x0, #32]
.endm

/* The results of one column. For s8, v4..v7 are the multipliers. */
.macro store to, column, y, a, b, c, d
  .ifc \to, s8
  levels \a, \a, \b, 4, 5
  levels \c, \c, \d, 6, 7
  store_levels \y, \a, \c
  .else
  .ifc \to, f32
  floats \column, \a, \b, \c, \d
  .endif
  stp q\a, q\b, [\y]
  stp q\c, q\d, [\y, #32]
  add \y, \y, #64
  .endif
.endm

/* `to` is s32, s8 or f32. */
.macro tile to, batch
tfp_function tfp_tile_s8\to\()_r16k4_neondot_16x\batch
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  .ifc \to, s8
  enter_levels
  load_magic
  add x13, x5, x6
  add x14, x13, x6
  add x15, x14, x6
  .else
  .ifc \to, f32
  enter_floats
  .endif
  add x13, x5, x6, lsl #2
  add x14, x13, x6, lsl #2
  add x15, x14, x6, lsl #2
  .endif
1: /* a block */
  load_starts 16, 17, 18, 19
  mov x9, x3
  .if \batch == 1
  movi v20.4s, #0
  movi v21.4s, #0
  movi v22.4s, #0
  movi v23.4s, #0
  .else
  load_starts 20, 21, 22, 23
  add x10, x3, x4
  .endif
  .if \batch > 2
  load_starts 24, 25, 26, 27
  add x11, x10, x4
  .endif
  .if \batch > 3
  load_starts 28, 29, 30, 31
  add x12, x11, x4
  .endif
  add x0, x0, #64
  .if \batch == 1
  subs x8, x2, #8
  b.lo 3f
2: /* 8 steps: one column alone has registers for its next 4 steps, and a longer loop counts less */
  ldp q0, q1, [x9], #32
  subs x8, x8, #8
  four_steps 1, 0, 8
  four_steps 1, 4, 8, 1
  b.hs 2b
3:
  tbz x8, #2, 4f
  load_columns 1, q, 16
  four_steps 1, 0, 4
  .else
  subs x8, x2, #4
  b.lo 4f
3: /* 4 steps */
  load_columns \batch, q, 16
  subs x8, x8, #4
  four_steps \batch, 0, 4
  b.hs 3b
  .endif
4:
  ands x8, x8, #3
  b.eq 6f
5: /* 1 step */
  load_columns \batch, s, 4
  subs x8, x8, #1
  load_first 0, 1
  first_columns \batch, 0
  b.ne 5b
6:
  .if \batch == 1
  add v16.4s, v16.4s, v20.4s
  add v17.4s, v17.4s, v21.4s
  add v18.4s, v18.4s, v22.4s
  add v19.4s, v19.4s, v23.4s
  .endif
  .ifc \to, s8
  ldp q4, q5, [x7], #32
  ldp q6, q7, [x7], #32
  .endif
  .ifc \to, f32
  load_rows
  .endif
  subs x1, x1, #1
  store \to, 0, x5, 16, 17, 18, 19
  .if \batch > 1
  store \to, 1, x13, 20, 21, 22, 23
  .endif
  .if \batch > 2
  store \to, 2, x14, 24, 25, 26, 27
  .endif
  .if \batch > 3
  store \to, 3, x15, 28, 29, 30, 31
  .endif
  b.ne 1b
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8\to\()_r16k4_neondot_16x\batch
.endm

tile s32, 1
tile s32, 2
tile s32, 3
tile s32, 4
tile s8, 1
tile s8, 2
tile s8, 3
tile s8, 4
tile f32, 1
tile f32, 2
tile f32, 3
tile f32, 4

tfp_end_file
#endif
