/* custom_ops/spec/tokenizer.md, "Characters" and "Order of marks". */
#include "tfp_characters.h"

#include "tfp_little_endian.h"
#include "tfp_utf8.h"

enum { kDefaultClass = 2, kHangulFirst = 0xac00, kHangulLast = 0xd7a3 };

/* One of what a character of the text gives, or that it gives nothing. */
typedef struct item {
  uint32_t code, order;
  bool shown;
} item;

/* The record whose range a code lies in, or NULL. */
static const unsigned char *record_of(const tfp_section *of, size_t bytes, uint32_t code) {
  size_t low = 0, high = of->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const unsigned char *at = of->data + bytes * middle;
    if (code < tfp_u32(at)) {
      high = middle;
    } else if (code > tfp_u32(at + 4)) {
      low = middle + 1;
    } else {
      return at;
    }
  }
  return NULL;
}

static uint32_t value_of(const tfp_section *of, uint32_t code, uint32_t otherwise) {
  const unsigned char *record = record_of(of, TFP_CLASS_BYTES, code);
  return record != NULL ? tfp_u32(record + 8) : otherwise;
}

uint32_t tfp_class_of(const tfp_tokenizer *of, uint32_t code) {
  return value_of(&of->sections[TFP_CLASSES], code, kDefaultClass);
}

/* The parts of a Hangul syllable (Unicode 15, section 3.12); returns how many there are. */
static size_t hangul(uint32_t code, size_t i, uint32_t *part) {
  enum { kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11a7, kVowels = 21, kTrailings = 28 };
  const uint32_t index = code - kHangulFirst, trailing = index % kTrailings;
  const uint32_t parts[] = {kLeading + index / (kVowels * kTrailings),
                            kVowel + index / kTrailings % kVowels, kTrailing + trailing};
  *part = parts[i];
  return trailing != 0 ? 3 : 2;
}

/* The `i`th of what a character gives; returns how many there are. With none, `*kind` says how. */
static size_t mapped(const tfp_tokenizer *of, uint32_t code, size_t i, uint32_t *to,
                     tfp_mapping_kind *kind) {
  const unsigned char *record = record_of(&of->sections[TFP_MAPPINGS], TFP_MAPPING_BYTES, code);
  *to = code;
  *kind = TFP_SHIFT;
  if (record == NULL || (code - tfp_u32(record)) % tfp_u16(record + 8) != 0) {
    const bool syllable = code >= kHangulFirst && code <= kHangulLast && record == NULL;
    return syllable && (of->flags & TFP_TOKENIZER_HANGUL) != 0 ? hangul(code, i, to) : 1;
  }
  *kind = (tfp_mapping_kind)tfp_u16(record + 10);
  const uint32_t value = tfp_u32(record + 12);
  if (*kind == TFP_SHIFT) {
    *to = code + value;
    return 1;
  }
  if (*kind != TFP_SEQUENCE) return 0;
  const unsigned char *sequence = of->sections[TFP_SEQUENCES].data + 4 * (size_t)value;
  const uint32_t found = tfp_u32(sequence + 4 * (i + 1));
  *to = found == TFP_ITSELF ? code : found;
  return tfp_u32(sequence);
}

static bool is_stripped(const tfp_tokenizer *of, unsigned char byte) {
  uint32_t to;
  tfp_mapping_kind kind;
  return byte < 0x80 && mapped(of, byte, 0, &to, &kind) == 0;
}

/* Reads a character across bytes that are stripped: those in the middle of it are gone before
 * anything is decoded. */
static size_t read_character(const tfp_tokenizer *of, const unsigned char *at,
                             const unsigned char *end, uint32_t *code) {
  const int keep = (of->flags & TFP_TOKENIZER_KEEP_BYTES) != 0;
  if (at[0] < 0x80 || (of->flags & TFP_TOKENIZER_STRIP_BYTES) == 0) {
    return tfp_utf8_read(at, (size_t)(end - at), keep, code);
  }
  unsigned char bytes[TFP_MOST_UTF8] = {at[0]};
  size_t ends[TFP_MOST_UTF8] = {1}, count = 1;
  for (const unsigned char *next = at + 1; next < end && count < TFP_MOST_UTF8; ++next) {
    if (is_stripped(of, *next)) continue;
    if ((*next & 0xc0) != 0x80) break;
    bytes[count] = *next;
    ends[count++] = (size_t)(next - at) + 1;
  }
  return ends[tfp_utf8_read(bytes, count, keep, code) - 1];
}

/* What stands at a place, which moves on; false at the end of the text. */
static bool next_item(const tfp_tokenizer *of, const unsigned char *end, tfp_place *place,
                      item *found) {
  if (place->at == end) return false;
  uint32_t code;
  tfp_mapping_kind kind;
  const size_t bytes = read_character(of, place->at, end, &code);
  const size_t items = mapped(of, code, place->item, &found->code, &kind);
  found->shown = items > 0;
  const bool stripped = code < 0x80 && (of->flags & TFP_TOKENIZER_STRIP_BYTES) != 0;
  found->order = kind == TFP_DROP_MARK || stripped;
  if (found->shown) found->order = value_of(&of->sections[TFP_ORDERS], found->code, 0);
  place->item += 1;
  if (place->item >= items) *place = (tfp_place){place->at + bytes, 0};
  return true;
}

/* The least order of the marks at `place` that is above `pass`; 0 where there is none. */
static uint32_t next_pass(const tfp_tokenizer *of, const unsigned char *end, tfp_place place,
                          uint32_t pass) {
  uint32_t least = 0;
  item mark;
  while (next_item(of, end, &place, &mark) && mark.order != 0) {
    if (mark.shown && mark.order > pass && (least == 0 || mark.order < least)) least = mark.order;
  }
  return least;
}

bool tfp_next_character(const tfp_tokenizer *of, const unsigned char *end, tfp_cursor *cursor,
                        uint32_t *code) {
  for (;;) {
    const tfp_place before = cursor->place;
    item found;
    const bool any = next_item(of, end, &cursor->place, &found);
    if (cursor->pass != 0 && (!any || found.order == 0)) {
      /* The marks end here: once more through them, or on. */
      cursor->pass = next_pass(of, end, cursor->run, cursor->pass);
      cursor->place = cursor->pass != 0 ? cursor->run : before;
      continue;
    }
    if (!any) return false;
    if (!found.shown) continue;
    if (found.order != 0 && cursor->pass == 0) {
      cursor->run = cursor->place = before;
      cursor->pass = next_pass(of, end, before, 0);
      continue;
    }
    if (found.order != cursor->pass) continue;
    *code = found.code;
    return true;
  }
}
