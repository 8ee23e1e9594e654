#include "tfp_masked.h"

#include "../../kernels/common/tfp_assert.h"

static uint64_t mask_bytes(uint64_t count) {
  return count / 8 + (count % 8 != 0);
}

static unsigned bits_set(unsigned byte) {
  unsigned found = 0;
  for (; byte != 0; byte &= byte - 1) ++found;
  return found;
}

bool tfp_masked_fits(const uint8_t *stored, uint64_t bytes, uint64_t count) {
  const uint64_t mask = mask_bytes(count);
  if (count == 0 || bytes < mask) return false;
  uint64_t set = 0;
  for (uint64_t i = 0; i < mask; ++i) set += bits_set(stored[i]);
  if (count % 8 != 0 && stored[mask - 1] >> (count % 8) != 0) return false;
  return bytes - mask == set;
}

void tfp_masked_expand(const uint8_t *stored, size_t count, int8_t *values) {
  TFP_ASSERT(stored != NULL && values != NULL && count > 0);
  const uint8_t *next = stored + mask_bytes(count);
  for (size_t i = 0; i < count; ++i) {
    const bool set = stored[i / 8] >> (i % 8) & 1;
    values[i] = set ? (int8_t)*next++ : 0;
  }
}
