/* Numbers of 4 or 2 bits, as the model file holds them, one a byte. */
#ifndef TFP_UNPACK_H_
#define TFP_UNPACK_H_

#include <stddef.h>
#include <stdint.h>

/* Numbers `start` to `start + count` of a tensor of two's complement numbers of `bits` bits, from
 * the low bits of a byte on. */
void tfp_unpack(const uint8_t *values, size_t start, size_t count, unsigned bits, int8_t *out);

#endif
