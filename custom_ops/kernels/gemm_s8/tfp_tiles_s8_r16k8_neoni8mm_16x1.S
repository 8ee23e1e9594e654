/* One column times 16 rows, or 32 where there are two blocks: SDOT on the weights that SMMLA takes,
 * half of whose results would be thrown away. A depth step is 8 columns of weights, int8[16][8], and
 * a register holds two rows; x is repeated in both halves of one, which 32 rows share. Results are
 * sums in int32 or levels in int8.
 *
 *   x0 weights   x1 blocks left   x2 steps   x3 x   x5 results   x7 see tfp_levels_neon.inc
 *   x8 steps left   x9 x   x10 weights of the second block   x11 bytes of a block   x12, x17 starts
 *   v16..v23 sums of the first block, 2 rows a register; v24..v31 of the second
 *   v0, v1 x of two steps   v4..v11 weights
 */
#if defined(__aarch64__)
#include "../common/tfp_assembly.inc"
#include "tfp_levels_neon.inc"
.arch armv8.2-a+dotprod

/* As in tfp_tiles_s8_r16k4_neondot.S: every second line. */
#define AHEAD 1024

/* `offset` bytes lie between the pointer and the weights, where `first` is 0; else the pointer is
 * moved by `first` bytes, past all steps that are read in a row. */
.macro load w, offset, first, a, b, c, d
  .if \first
  ldp q\a, q\b, [\w], #\first
  .else
  ldp q\a, q\b, [\w, #\offset]
  .endif
  ldp q\c, q\d, [\w, #\offset + 32]
.endm

.macro dots x, a, b, c, d, w0, w1, w2, w3
  sdot v\a\().4s, v\w0\().16b, v\x\().16b
  sdot v\b\().4s, v\w1\().16b, v\x\().16b
  sdot v\c\().4s, v\w2\().16b, v\x\().16b
  sdot v\d\().4s, v\w3\().16b, v\x\().16b
.endm

.macro clear a, b, c, d
  movi v\a\().4s, #0
  movi v\b\().4s, #0
  movi v\c\().4s, #0
  movi v\d\().4s, #0
.endm

/* One step of one block or of two. */
.macro step blocks, x, offset, first=0
  load x0, \offset, \first, 4, 5, 6, 7
  prfm pldl1keep, [x0, #\offset + AHEAD]
  .if \blocks > 1
  load x10, \offset, \first, 8, 9, 10, 11
  prfm pldl1keep, [x10, #\offset + AHEAD]
  .endif
  dots \x, 16, 17, 18, 19, 4, 5, 6, 7
  load x0, \offset + 64, 0, 4, 5, 6, 7
  .if \blocks > 1
  dots \x, 24, 25, 26, 27, 8, 9, 10, 11
  load x10, \offset + 64, 0, 8, 9, 10, 11
  .endif
  dots \x, 20, 21, 22, 23, 4, 5, 6, 7
  .if \blocks > 1
  dots \x, 28, 29, 30, 31, 8, 9, 10, 11
  .endif
.endm

/* Adds the two halves of each row and its start. */
.macro finish to, start, a, b, c, d, e, f, g, h
  ldp q4, q5, [\start]
  ldp q6, q7, [\start, #32]
  addp v\a\().4s, v\a\().4s, v\b\().4s
  addp v\c\().4s, v\c\().4s, v\d\().4s
  addp v\e\().4s, v\e\().4s, v\f\().4s
  addp v\g\().4s, v\g\().4s, v\h\().4s
  .ifc \to, s8
  ldp q8, q9, [x7], #32
  ldp q10, q11, [x7], #32
  .endif
  add v\a\().4s, v\a\().4s, v4.4s
  add v\c\().4s, v\c\().4s, v5.4s
  add v\e\().4s, v\e\().4s, v6.4s
  add v\g\().4s, v\g\().4s, v7.4s
  .ifc \to, s8
  levels \a, \a, \c, 8, 9
  levels \e, \e, \g, 10, 11
  store_levels x5, \a, \e
  .else
  stp q\a, q\c, [x5], #32
  stp q\e, q\g, [x5], #32
  .endif
.endm

.macro rows to, blocks
  mov x12, x0
  add x0, x0, #64
  mov x9, x3
  clear 16, 17, 18, 19
  clear 20, 21, 22, 23
  .if \blocks > 1
  add x17, x12, x11
  add x10, x17, #64
  clear 24, 25, 26, 27
  clear 28, 29, 30, 31
  .endif
  subs x8, x2, #2
  b.lo 3f
2: /* 2 steps */
  ld2r {v0.2d, v1.2d}, [x9], #16
  subs x8, x8, #2
  step \blocks, 0, -256, 256
  step \blocks, 1, -128
  b.hs 2b
3:
  tbz x8, #0, 4f
  ld1r {v0.2d}, [x9]
  step \blocks, 0, -128, 128
4:
  finish \to, x12, 16, 17, 18, 19, 20, 21, 22, 23
  .if \blocks > 1
  finish \to, x17, 24, 25, 26, 27, 28, 29, 30, 31
  add x0, x0, x11
  .endif
.endm

/* `to` is s32 or s8. */
.macro tile to
tfp_function tfp_tile_s8\to\()_r16k8_neoni8mm_16x1
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  .ifc \to, s8
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  enter_levels
  load_magic
  .endif
  lsl x11, x2, #7
  add x11, x11, #64
  subs x1, x1, #2
  b.lo 5f
1: /* two blocks */
  rows \to, 2
  subs x1, x1, #2
  b.hs 1b
5:
  tbz x1, #0, 6f
  rows \to, 1
6:
  .ifc \to, s8
  ldp d14, d15, [sp, #48]
  ldp d12, d13, [sp, #32]
  .endif
  ldp d10, d11, [sp, #16]
  ldp d8, d9, [sp], #64
tfp_end_function tfp_tile_s8\to\()_r16k8_neoni8mm_16x1
.endm

tile s32
tile s8

tfp_end_file
#endif
