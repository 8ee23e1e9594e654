#include "tfp_strings.h"

#include "tfp_little_endian.h"

static size_t start_of(const tfp_strings *strings, size_t i) {
  return tfp_u32(strings->starts + 4 * i);
}

/* The byte of a string that stands after its first `length`, or -1 at its end. */
static int byte_of(const tfp_strings *strings, size_t i, size_t length) {
  const size_t start = start_of(strings, i);
  return start + length < start_of(strings, i + 1) ? strings->heap[start + length] : -1;
}

/* The first string of a range whose byte there is at least `byte`, or the range's end. */
static size_t first_from(const tfp_strings *strings, size_t low, size_t high, size_t length,
                         int byte) {
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (byte_of(strings, middle, length) < byte) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool tfp_longer_prefix(const tfp_strings *strings, tfp_prefix *prefix, unsigned char byte) {
  const size_t low = first_from(strings, prefix->low, prefix->high, prefix->length, byte);
  prefix->high = first_from(strings, low, prefix->high, prefix->length, byte + 1);
  prefix->low = low;
  prefix->length += 1;
  return prefix->low < prefix->high;
}

bool tfp_whole_string(const tfp_strings *strings, const tfp_prefix *prefix, int32_t *id) {
  /* The shortest string of a range is its first. */
  if (prefix->low >= prefix->high || byte_of(strings, prefix->low, prefix->length) >= 0) {
    return false;
  }
  *id = (int32_t)tfp_u32(strings->ids + 4 * prefix->low);
  return true;
}

size_t tfp_longest_string(const tfp_strings *strings, const unsigned char *text, size_t size,
                          int32_t *id) {
  tfp_prefix prefix = tfp_no_prefix(strings);
  size_t longest = 0;
  for (size_t i = 0; i < size && tfp_longer_prefix(strings, &prefix, text[i]); ++i) {
    if (tfp_whole_string(strings, &prefix, id)) longest = i + 1;
  }
  return longest;
}
