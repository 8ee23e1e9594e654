/* The exported functions for text. */
#include "../text/tfp_metadata.h"
#include "../text/tfp_tokenizer.h"
#include "tfpipeline_text.h"

const void *tfpipeline_find_metadata(const void *model, size_t size, const char *name,
                                     size_t *bytes) {
  return tfp_find_metadata(model, size, name, bytes);
}

const char *tfpipeline_tokenizer_open(const void *data, size_t size,
                                      tfpipeline_tokenizer *tokenizer) {
  tfp_tokenizer parts;
  const char *wrong = tfp_tokenizer_read(data, size, &parts);
  if (wrong == NULL) *tokenizer = (tfpipeline_tokenizer){data, size};
  return wrong;
}

size_t tfpipeline_tokenizer_encode(const tfpipeline_tokenizer *tokenizer, const char *text,
                                   size_t length, int32_t *ids, size_t capacity) {
  tfp_tokenizer parts;
  tfp_tokenizer_take_apart(tokenizer->data, &parts);
  return tfp_tokenizer_encode(&parts, text, length, ids, capacity);
}

size_t tfpipeline_tokenizer_most_ids(const tfpipeline_tokenizer *tokenizer) {
  tfp_tokenizer parts;
  tfp_tokenizer_take_apart(tokenizer->data, &parts);
  return parts.most > parts.padded ? parts.most : parts.most == 0 ? 0 : parts.padded;
}
