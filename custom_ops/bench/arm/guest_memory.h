/* Static memory of the counted program, and what is put into it: the same in every run. */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

#include "../../ops/common/tfp_arena.h"

enum { kArena = 1 << 25 }; /* bytes of everything; a model of 8 million weights fits */

static _Alignas(TFP_ALIGNMENT) unsigned char memory[kArena];
static tfp_arena arena = {memory, 0};

static int fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  return 1;
}

/* `bytes` of zeros; ends the program where the arena is full. */
static void *take(size_t bytes) {
  if (bytes > kArena - arena.used) exit(fail("the sizes are too large for this program"));
  return tfp_arena_take(&arena, bytes, 1);
}

static uint32_t state = 1;

static int8_t *random_bytes(size_t count, size_t readable) {
  int8_t *out = take(readable);
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = (int8_t)((int)(state >> 24) % 255 - 127);
  }
  return out;
}

static float *same_floats(size_t count, float value) {
  float *out = take(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) out[i] = value;
  return out;
}

static uint32_t checksum(const void *data, size_t bytes) {
  const unsigned char *at = data;
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < bytes; ++i) sum = (sum ^ at[i]) * 16777619u;
  return sum;
}

#endif
