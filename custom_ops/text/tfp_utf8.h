/* One character of UTF-8, or what stands where there is none. */
#ifndef TFP_UTF8_H_
#define TFP_UTF8_H_

#include <stddef.h>
#include <stdint.h>

enum {
  TFP_MOST_CODE = 0x10ffff,
  TFP_REPLACEMENT = 0xfffd,
  /* A byte b that is no part of a character, where such bytes are kept, is the code TFP_RAW + b. */
  TFP_RAW = TFP_MOST_CODE + 1,
  TFP_MOST_UTF8 = 4
};

/* Reads the character that begins at `text`, of which `size` > 0 bytes are left, and returns how
 * many bytes it takes. Where none begins: with `keep` one byte, as TFP_RAW + byte; else
 * U+FFFD for the longest beginning of a character (Unicode 15, section 3.9, U+FFFD substitution of
 * maximal subparts). */
size_t tfp_utf8_read(const unsigned char *text, size_t size, int keep, uint32_t *code);

/* Writes a code as `tfp_utf8_read` gave it, and returns how many bytes it took. */
size_t tfp_utf8_write(uint32_t code, unsigned char out[TFP_MOST_UTF8]);

#endif
