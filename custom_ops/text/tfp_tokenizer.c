#include "tfp_tokenizer.h"

#include "tfp_characters.h"
#include "tfp_little_endian.h"
#include "tfp_utf8.h"

enum { kBetweenWords = 0, kAlone = 1 };

/* The ids so far, of which only those count and are written that have a place. */
typedef struct output {
  const tfp_tokenizer *of;
  int32_t *ids;
  size_t capacity;
  size_t first; /* where the ids of the text begin */
  size_t room;  /* for so many of them */
  size_t count; /* of the ids of the text; more than there is room for are cut off at the end */
} output;

static void write_id(output *out, size_t place, int32_t id) {
  if (place < out->capacity) out->ids[place] = id;
}

static void put(output *out, int32_t id) {
  if (out->count < out->room) write_id(out, out->first + out->count, id);
  out->count += 1;
}

/* Adds the bytes of a character to what is looked up. */
static bool look_up(const tfp_strings *strings, tfp_prefix *prefix, uint32_t code) {
  unsigned char bytes[TFP_MOST_UTF8];
  const size_t size = tfp_utf8_write(code, bytes);
  for (size_t i = 0; i < size; ++i) {
    if (!tfp_longer_prefix(strings, prefix, bytes[i])) return false;
  }
  return true;
}

/* The id of a word as a whole. */
static bool whole_word(const output *out, const unsigned char *end, tfp_cursor cursor,
                       size_t length, int32_t *id) {
  const tfp_strings *vocabulary = &out->of->vocabulary;
  tfp_prefix prefix = tfp_no_prefix(vocabulary);
  for (size_t i = 0; i < length; ++i) {
    uint32_t code;
    if (!tfp_next_character(out->of, end, &cursor, &code)) return false;
    if (!look_up(vocabulary, &prefix, code)) return false;
  }
  return tfp_whole_string(vocabulary, &prefix, id);
}

/* The longest piece at the beginning of what is left of a word: how many characters it has. */
static size_t longest_piece(const output *out, const unsigned char *end, tfp_cursor *cursor,
                            size_t length, bool continues, int32_t *id) {
  const tfp_strings *vocabulary = &out->of->vocabulary;
  const tfp_section *continuation = &out->of->sections[TFP_CONTINUATION];
  tfp_prefix prefix = tfp_no_prefix(vocabulary);
  for (size_t i = 0; continues && i < continuation->count; ++i) {
    if (!tfp_longer_prefix(vocabulary, &prefix, continuation->data[i])) return 0;
  }
  tfp_cursor ahead = *cursor;
  size_t longest = 0;
  for (size_t i = 1; i <= length; ++i) {
    uint32_t code;
    if (!tfp_next_character(out->of, end, &ahead, &code)) break;
    if (!look_up(vocabulary, &prefix, code)) break;
    if (tfp_whole_string(vocabulary, &prefix, id)) {
      longest = i;
      *cursor = ahead;
    }
  }
  return longest;
}

/* Puts the pieces of a word, or the unknown id where some of it is no piece. */
static void word_pieces(output *out, const unsigned char *end, tfp_cursor cursor, size_t length) {
  const size_t before = out->count;
  size_t left = length <= out->of->longest_word ? length : 0;
  bool known = left > 0;
  while (known && left > 0) {
    int32_t id = 0;
    const size_t piece = longest_piece(out, end, &cursor, left, left < length, &id);
    known = piece > 0;
    left -= piece;
    if (known) put(out, id);
  }
  if (known) return;
  out->count = before;
  put(out, out->of->unknown);
}

static void word(output *out, const unsigned char *end, tfp_cursor cursor, size_t length) {
  if ((out->of->flags & TFP_TOKENIZER_WORD_PIECES) != 0) {
    word_pieces(out, end, cursor, length);
    return;
  }
  int32_t id;
  put(out, whole_word(out, end, cursor, length, &id) ? id : out->of->unknown);
}

/* Puts the words between `text` and `end`. */
static void words(output *out, const unsigned char *text, const unsigned char *end) {
  tfp_cursor cursor = tfp_cursor_at(text);
  while (out->count < out->room) {
    const tfp_cursor begin = cursor;
    uint32_t code;
    if (!tfp_next_character(out->of, end, &cursor, &code)) return;
    const uint32_t class = tfp_class_of(out->of, code);
    if (class == kBetweenWords) continue;
    size_t length = 1;
    for (tfp_cursor ahead = cursor; class > kAlone; cursor = ahead, ++length) {
      if (!tfp_next_character(out->of, end, &ahead, &code)) break;
      if (tfp_class_of(out->of, code) != class) break;
    }
    word(out, end, begin, length);
  }
}

size_t tfp_tokenizer_encode(const tfp_tokenizer *of, const char *text, size_t length, int32_t *ids,
                            size_t capacity) {
  const tfp_section *before = &of->sections[TFP_BEFORE], *after = &of->sections[TFP_AFTER];
  const size_t around = before->count + after->count;
  output out = {.of = of, .ids = ids, .capacity = capacity, .first = before->count};
  out.room = of->most != 0 ? of->most - around : SIZE_MAX;
  for (size_t i = 0; i < before->count; ++i) {
    write_id(&out, i, (int32_t)tfp_u32(before->data + 4 * i));
  }
  const unsigned char *at = (const unsigned char *)text;
  /* Nothing is read of a text of no bytes, which may have no address. */
  const unsigned char *end = length > 0 ? at + length : at, *from = at;
  while (at < end && of->added.count > 0 && out.count < out.room) {
    int32_t id = 0;
    const size_t bytes = tfp_longest_string(&of->added, at, (size_t)(end - at), &id);
    if (bytes > 0) {
      words(&out, from, at);
      put(&out, id);
      from = at + bytes;
    }
    at += bytes > 0 ? bytes : 1;
  }
  if (from < end) words(&out, from, end);
  if (out.count == 0 && (of->flags & TFP_TOKENIZER_EMPTY_TOKEN) != 0) {
    word(&out, from, tfp_cursor_at(from), 0);
  }
  size_t count = before->count + (out.count < out.room ? out.count : out.room);
  for (size_t i = 0; i < after->count; ++i, ++count) {
    write_id(&out, count, (int32_t)tfp_u32(after->data + 4 * i));
  }
  for (; count < of->padded; ++count) write_id(&out, count, of->padding);
  return count;
}
