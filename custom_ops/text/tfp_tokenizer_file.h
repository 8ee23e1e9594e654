/* The bytes of a tokenizer (custom_ops/spec/tokenizer.md), checked and taken apart in place. */
#ifndef TFP_TOKENIZER_FILE_H_
#define TFP_TOKENIZER_FILE_H_

#include <stddef.h>
#include <stdint.h>

#include "tfp_strings.h"

enum {
  TFP_TOKENIZER_VERSION = 1,
  TFP_AT_VERSION = 4,
  TFP_AT_HEADER_BYTES = 6,
  TFP_AT_BYTES = 8,
  TFP_AT_FLAGS = 12,
  TFP_AT_UNKNOWN = 16,
  TFP_AT_PADDING = 20,
  TFP_AT_MOST = 24,
  TFP_AT_PADDED = 28,
  TFP_AT_LONGEST_WORD = 32,
  TFP_AT_RESERVED = 36,
  TFP_AT_SECTIONS = 40
};

enum {
  TFP_TOKENIZER_EMPTY_TOKEN = 1,
  TFP_TOKENIZER_KEEP_BYTES = 2,
  TFP_TOKENIZER_WORD_PIECES = 4,
  TFP_TOKENIZER_HANGUL = 8,
  TFP_TOKENIZER_STRIP_BYTES = 16,
  TFP_TOKENIZER_FLAGS = 31
};

/* In the order of the header. */
typedef enum tfp_section_name {
  TFP_BEFORE,
  TFP_AFTER,
  TFP_CONTINUATION,
  TFP_MAPPINGS,
  TFP_SEQUENCES,
  TFP_CLASSES,
  TFP_ORDERS,
  TFP_ADDED,
  TFP_VOCABULARY,
  TFP_SECTION_COUNT
} tfp_section_name;

enum { TFP_TOKENIZER_HEADER = TFP_AT_SECTIONS + 8 * TFP_SECTION_COUNT };

enum { TFP_MAPPING_BYTES = 16, TFP_CLASS_BYTES = 12 };

/* What a mapping does to the characters of its range. */
typedef enum tfp_mapping_kind {
  TFP_SHIFT,     /* adds its value */
  TFP_DROP,      /* leaves them out */
  TFP_DROP_MARK, /* leaves them out, and the marks around them are still put in order */
  TFP_SEQUENCE,  /* puts others in their place: of sequences[value] items, those that follow it */
  TFP_MAPPING_KINDS
} tfp_mapping_kind;

/* An item of a sequence that is the character itself. */
#define TFP_ITSELF 0xffffffffu

enum { TFP_MOST_ITEMS = 32, TFP_MOST_CLASS = 255, TFP_MOST_LENGTH = 1 << 24, TFP_MOST_WORD = 1000 };

typedef struct tfp_section {
  const unsigned char *data;
  size_t count;
} tfp_section;

typedef struct tfp_tokenizer {
  uint32_t flags;
  int32_t unknown, padding;
  size_t most, padded, longest_word;
  tfp_section sections[TFP_SECTION_COUNT];
  tfp_strings added, vocabulary;
} tfp_tokenizer;

/* Checks all of the bytes and takes them apart; returns NULL, or what is wrong with them as the end
 * of a sentence. */
const char *tfp_tokenizer_read(const void *data, size_t size, tfp_tokenizer *tokenizer);

/* The same of bytes that were checked before. */
void tfp_tokenizer_take_apart(const void *data, tfp_tokenizer *tokenizer);

#endif
