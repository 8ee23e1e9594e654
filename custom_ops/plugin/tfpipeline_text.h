/* What libtfpipeline_ops exports for text: from the bytes of a string to the ids that a model
 * takes, with the tokenizer that tfpipeline's export wrote into the model's file. Nothing is
 * allocated and nothing is copied; the functions may be called by several threads at once.
 *
 *   size_t bytes;
 *   const void *data = tfpipeline_find_metadata(model, model_size, TFPIPELINE_TOKENIZER, &bytes);
 *   tfpipeline_tokenizer tokenizer;
 *   const char *wrong = tfpipeline_tokenizer_open(data, bytes, &tokenizer);
 *   if (wrong == NULL) count = tfpipeline_tokenizer_encode(&tokenizer, text, length, ids,
 * capacity);
 */
#ifndef TFPIPELINE_TEXT_H_
#define TFPIPELINE_TEXT_H_

#include <stddef.h>
#include <stdint.h>

#include "tfpipeline_ops.h"

/* The metadata entries of a model: the tokenizer's bytes, and the model card, which is JSON and has
 * the labels. */
#define TFPIPELINE_TOKENIZER "tfpipeline.tokenizer"
#define TFPIPELINE_MODEL_CARD "tfpipeline.model_card"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that were found right; they stay where they are as long as this is used. */
typedef struct tfpipeline_tokenizer {
  const void *data;
  size_t size;
} tfpipeline_tokenizer;

/* The metadata entry `name` of a .tflite file in memory, such as a mapped one, and its size; NULL
 * where there is none or the file is damaged. */
TFPIPELINE_EXPORT const void *tfpipeline_find_metadata(const void *model, size_t size,
                                                       const char *name, size_t *bytes);

/* Checks all of the tokenizer's bytes, once. Returns NULL, or what is wrong with them as the end of
 * a sentence ("has a section outside"); then `*tokenizer` must not be used. */
TFPIPELINE_EXPORT const char *tfpipeline_tokenizer_open(const void *data, size_t size,
                                                        tfpipeline_tokenizer *tokenizer);

/* Writes the ids of a text, the first `capacity` of them, and returns how many there are: cut and
 * padded to the length of the model's input, where that is fixed. Any bytes are a text; it needs no
 * zero at its end, and one within is a character like others. */
TFPIPELINE_EXPORT size_t tfpipeline_tokenizer_encode(const tfpipeline_tokenizer *tokenizer,
                                                     const char *text, size_t length, int32_t *ids,
                                                     size_t capacity);

/* The most ids that a text can have, or 0 where there is no bound. */
TFPIPELINE_EXPORT size_t tfpipeline_tokenizer_most_ids(const tfpipeline_tokenizer *tokenizer);

#ifdef __cplusplus
}
#endif

#endif
