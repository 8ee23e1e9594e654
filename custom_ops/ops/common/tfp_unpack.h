/* Numbers of fewer than 8 bits, as the model file holds them, one a byte. */
#ifndef TFP_UNPACK_H_
#define TFP_UNPACK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers `start` to `start + count` of a tensor of two's complement numbers of `bits` bits, from
 * the low bits of a byte on. */
void tfp_unpack(const uint8_t *values, size_t start, size_t count, unsigned bits, int8_t *out);

/* Numbers -1, 0 and 1 may also stand five in a byte, 1.6 bits each: as digits 0 to 2 of a number to
 * base 3, the first one worth 1, the last one 81. */
enum { TFP_TRITS_PER_BYTE = 5, TFP_MOST_TRITS = 242 };

static inline size_t tfp_trit_bytes(size_t count) {
  return (count + TFP_TRITS_PER_BYTE - 1) / TFP_TRITS_PER_BYTE;
}

/* Whether `row_bytes` bytes hold a row of `depth` numbers that way: where that is as long as two
 * bits a number, it is two bits. */
static inline bool tfp_are_trits(size_t depth, int bits, uint64_t row_bytes) {
  return bits == 2 && row_bytes == tfp_trit_bytes(depth) && row_bytes < (depth + 3) / 4;
}

/* Returns the first byte that stands for no five numbers, or `bytes`. */
size_t tfp_find_no_trits(const uint8_t *values, size_t bytes);

/* The first `count` numbers from `values` on. */
void tfp_unpack_trits(const uint8_t *values, size_t count, int8_t *out);

#endif
