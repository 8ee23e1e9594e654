/* A sorted list of byte strings with a number each, read in place: the vocabulary of a tokenizer.
 */
#ifndef TFP_STRINGS_H_
#define TFP_STRINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tfp_strings {
  const unsigned char *starts; /* count + 1 places in the heap */
  const unsigned char *ids;
  const unsigned char *heap;
  size_t count;
} tfp_strings;

/* The strings that begin with the bytes read so far: those from `low` up to `high`. */
typedef struct tfp_prefix {
  size_t low, high, length;
} tfp_prefix;

static inline tfp_prefix tfp_no_prefix(const tfp_strings *strings) {
  return (tfp_prefix){0, strings->count, 0};
}

/* Reads one byte more; false where no string begins so. */
bool tfp_longer_prefix(const tfp_strings *strings, tfp_prefix *prefix, unsigned char byte);

/* Whether the bytes read so far are one of the strings; then `*id` is its number. */
bool tfp_whole_string(const tfp_strings *strings, const tfp_prefix *prefix, int32_t *id);

/* The bytes of the longest of the strings with which `text` begins, the empty one not counted; 0
 * where it begins with none. */
size_t tfp_longest_string(const tfp_strings *strings, const unsigned char *text, size_t size,
                          int32_t *id);

#endif
