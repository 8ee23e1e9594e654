#include "tfp_unpack.h"

#include "../../kernels/common/tfp_assert.h"

/* Number `index` of a packed tensor of signed numbers. */
static int8_t unpack_one(const uint8_t *values, size_t index, unsigned bits) {
  const size_t bit = index * bits;
  const int sign = 1 << (bits - 1);
  const int value = values[bit / 8] >> (bit % 8) & ((1 << bits) - 1);
  return (int8_t)((value ^ sign) - sign);
}

/* Turns each byte into two of its halves of `bits` bits, which stay without a sign. */
static void halve(const uint8_t *from, size_t count, unsigned bits, uint8_t *to) {
  for (size_t i = 0; i < count; ++i) {
    to[2 * i] = (uint8_t)(from[i] & ((1u << bits) - 1u));
    to[2 * i + 1] = (uint8_t)(from[i] >> bits);
  }
}

/* In steps of two, which compilers vectorize. */
void tfp_unpack(const uint8_t *values, size_t start, size_t count, unsigned bits, int8_t *out) {
  enum { kSome = 64 };
  TFP_ASSERT(bits == 4 || bits == 2);
  const size_t per_byte = 8 / bits;
  const int sign = 1 << (bits - 1);
  size_t k = 0;
  for (; k < count && (start + k) % per_byte != 0; ++k)
    out[k] = unpack_one(values, start + k, bits);
  while (count - k >= per_byte) {
    const uint8_t *from = values + (start + k) / per_byte;
    const size_t left = (count - k) / per_byte, bytes = left < kSome ? left : kSome;
    uint8_t halves[2 * kSome], quarters[4 * kSome];
    halve(from, bytes, 4, halves);
    if (bits == 2) halve(halves, 2 * bytes, 2, quarters);
    const uint8_t *numbers = bits == 2 ? quarters : halves;
    for (size_t i = 0; i < bytes * per_byte; ++i) out[k + i] = (int8_t)((numbers[i] ^ sign) - sign);
    k += bytes * per_byte;
  }
  for (; k < count; ++k) out[k] = unpack_one(values, start + k, bits);
}

size_t tfp_find_no_trits(const uint8_t *values, size_t bytes) {
  /* The largest first: compilers vectorize that, and it is nearly always all there is to do. */
  uint8_t largest = 0;
  for (size_t i = 0; i < bytes; ++i) largest = values[i] > largest ? values[i] : largest;
  if (largest <= TFP_MOST_TRITS) return bytes;
  size_t i = 0;
  while (values[i] <= TFP_MOST_TRITS) ++i;
  return i;
}

void tfp_unpack_trits(const uint8_t *values, size_t count, int8_t *out) {
  for (size_t k = 0; k < count; k += TFP_TRITS_PER_BYTE) {
    unsigned rest = *values++;
    TFP_ASSERT(rest <= TFP_MOST_TRITS);
    const size_t end = count - k < TFP_TRITS_PER_BYTE ? count : k + TFP_TRITS_PER_BYTE;
    for (size_t i = k; i < end; ++i) {
      out[i] = (int8_t)((int)(rest % 3) - 1);
      rest /= 3;
    }
  }
}
