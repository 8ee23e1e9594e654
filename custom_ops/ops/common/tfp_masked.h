/* 8-bit matrices of which only the numbers that are not 0 are stored. */
#ifndef TFP_MASKED_H_
#define TFP_MASKED_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bit for each of `count` numbers, row by row and from the low bits of a byte on; where it is
 * set, the number is among those that follow, in order. Returns whether `bytes` bytes are such a
 * matrix: as many numbers as bits that are set, and no bit behind the last number. */
bool tfp_masked_fits(const uint8_t *stored, uint64_t bytes, uint64_t count);

/* Writes all `count` numbers; `stored` fits. */
void tfp_masked_expand(const uint8_t *stored, size_t count, int8_t *values);

#endif
