/* custom_ops/spec/tokenizer.md, "Characters". */
#include "tfp_utf8.h"

/* How many bytes follow a first byte, and between which the first of them lies: no overlong forms,
 * no surrogates, nothing above U+10FFFF. */
static size_t followers(unsigned char first, unsigned char *low, unsigned char *high) {
  *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first >= 0xc2 && first <= 0xdf) return 1;
  if (first >= 0xe0 && first <= 0xef) return 2;
  if (first >= 0xf0 && first <= 0xf4) return 3;
  return 0;
}

size_t tfp_utf8_read(const unsigned char *text, size_t size, int keep, uint32_t *code) {
  const unsigned char first = text[0];
  if (first < 0x80) {
    *code = first;
    return 1;
  }
  unsigned char low, high;
  const size_t more = followers(first, &low, &high);
  uint32_t value = first & (0x3fu >> more);
  size_t read = 1;
  while (read <= more && read < size && text[read] >= low && text[read] <= high) {
    value = value << 6 | (text[read] & 0x3fu);
    low = 0x80;
    high = 0xbf;
    ++read;
  }
  if (more > 0 && read == more + 1) {
    *code = value;
    return read;
  }
  *code = keep ? (uint32_t)TFP_RAW + first : (uint32_t)TFP_REPLACEMENT;
  return keep ? 1 : read;
}

size_t tfp_utf8_write(uint32_t code, unsigned char out[TFP_MOST_UTF8]) {
  if (code >= TFP_RAW) {
    out[0] = (unsigned char)(code - TFP_RAW);
    return 1;
  }
  if (code < 0x80) {
    out[0] = (unsigned char)code;
    return 1;
  }
  const size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const unsigned char marks[] = {0, 0xc0, 0xe0, 0xf0};
  out[0] = (unsigned char)(marks[more] | code >> 6 * more);
  for (size_t i = 1; i <= more; ++i) {
    out[i] = (unsigned char)(0x80u | (code >> 6 * (more - i) & 0x3fu));
  }
  return more + 1;
}
