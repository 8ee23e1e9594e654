/* A text as the tokenizer sees it: mapped characters, with marks in their canonical order. */
#ifndef TFP_CHARACTERS_H_
#define TFP_CHARACTERS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfp_tokenizer_file.h"

/* The place of a mapped character: the bytes that it is made of, and which of what they give. */
typedef struct tfp_place {
  const unsigned char *at;
  size_t item;
} tfp_place;

/* Where a reader stands; a copy of it reads the same again. */
typedef struct tfp_cursor {
  tfp_place place;
  tfp_place run; /* the first of the marks that are being put in order */
  uint32_t pass; /* of these marks the ones that are next; 0 outside of them */
} tfp_cursor;

static inline tfp_cursor tfp_cursor_at(const unsigned char *text) {
  const tfp_place place = {text, 0};
  return (tfp_cursor){place, place, 0};
}

/* Reads the next mapped character of the text that ends at `end`; false at its end. */
bool tfp_next_character(const tfp_tokenizer *of, const unsigned char *end, tfp_cursor *cursor,
                        uint32_t *code);

/* 0: between words, and no part of any; 1: a word of its own; any other: part of a word of
 * characters of that class. */
uint32_t tfp_class_of(const tfp_tokenizer *of, uint32_t code);

#endif
