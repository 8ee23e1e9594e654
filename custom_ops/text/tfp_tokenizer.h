/* From text to the ids that a model takes: custom_ops/spec/tokenizer.md. */
#ifndef TFP_TOKENIZER_H_
#define TFP_TOKENIZER_H_

#include <stddef.h>
#include <stdint.h>

#include "tfp_tokenizer_file.h"

/* Writes the ids of a text, no more than `capacity` of them, and returns how many there are. The
 * text is UTF-8, or any other bytes; NUL is a character like others. */
size_t tfp_tokenizer_encode(const tfp_tokenizer *tokenizer, const char *text, size_t length,
                            int32_t *ids, size_t capacity);

#endif
