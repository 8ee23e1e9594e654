/* Counting failures, and numbers at random. */
#ifndef TFP_TESTS_CHECK_H_
#define TFP_TESTS_CHECK_H_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t failures;
static uint64_t seed = 1;

static void expect(bool holds, const char *variant, const char *what, size_t a, size_t b,
                   size_t c) {
  if (holds) return;
  failures += 1;
  if (failures <= 20) printf("FAILED %s %s (%zu, %zu, %zu)\n", variant, what, a, b, c);
}

static uint32_t random_bits(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)(seed >> 32);
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* A float of either sign whose exponent lies in [low, high]. */
static float random_float(uint32_t low, uint32_t high) {
  const uint32_t bits = random_bits();
  return float_of((bits & 0x807fffffu) | (127 + low + random_bits() % (high - low + 1)) << 23);
}

#endif
