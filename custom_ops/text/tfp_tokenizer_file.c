/* The checks are those of tfpipeline/tokenization/tokenizer_bytes.py. */
#include "tfp_tokenizer_file.h"

#include <stdbool.h>

#include "tfp_little_endian.h"
#include "tfp_utf8.h"

static const unsigned char kMagic[4] = {'T', 'F', 'P', 'T'};

static size_t item_bytes(tfp_section_name name) {
  static const unsigned char bytes[TFP_SECTION_COUNT] = {
      4, 4, 1, TFP_MAPPING_BYTES, 4, TFP_CLASS_BYTES, TFP_CLASS_BYTES, 8, 8};
  return bytes[name];
}

static bool is_scalar(uint32_t code) {
  return code <= TFP_MOST_CODE && (code < 0xd800 || code > 0xdfff);
}

/* Whether every character of a range, moved by `shift`, is one. */
static bool are_scalars(int64_t first, int64_t last, int64_t shift) {
  first += shift;
  last += shift;
  return first >= 0 && last <= TFP_MOST_CODE && (last < 0xd800 || first > 0xdfff);
}

static const char *check_header(const unsigned char *data, size_t size) {
  if (size < TFP_TOKENIZER_HEADER) return "is shorter than its header";
  for (int i = 0; i < 4; ++i) {
    if (data[i] != kMagic[i]) return "does not begin with TFPT";
  }
  if (tfp_u16(data + TFP_AT_VERSION) != TFP_TOKENIZER_VERSION) return "has another version";
  if (tfp_u16(data + TFP_AT_HEADER_BYTES) != TFP_TOKENIZER_HEADER) return "has another header";
  if (tfp_u32(data + TFP_AT_BYTES) != size) return "has another size than it says";
  const uint32_t flags = tfp_u32(data + TFP_AT_FLAGS);
  if ((flags & ~(uint32_t)TFP_TOKENIZER_FLAGS) != 0) return "has unknown flags";
  if (tfp_u32(data + TFP_AT_RESERVED) != 0) return "has a reserved number that is not 0";
  if (tfp_u32(data + TFP_AT_UNKNOWN) > INT32_MAX || tfp_u32(data + TFP_AT_PADDING) > INT32_MAX) {
    return "has an id that is negative";
  }
  if (tfp_u32(data + TFP_AT_MOST) > TFP_MOST_LENGTH ||
      tfp_u32(data + TFP_AT_PADDED) > TFP_MOST_LENGTH) {
    return "has a length that is too large";
  }
  const uint32_t longest = tfp_u32(data + TFP_AT_LONGEST_WORD);
  const bool pieces = (flags & TFP_TOKENIZER_WORD_PIECES) != 0;
  if (pieces ? longest < 1 || longest > TFP_MOST_WORD : longest != 0) {
    return "has a longest word that does not fit";
  }
  return NULL;
}

static const char *check_sections(const unsigned char *data, size_t size) {
  for (int i = 0; i < TFP_SECTION_COUNT; ++i) {
    const unsigned char *at = data + TFP_AT_SECTIONS + 8 * i;
    const uint64_t offset = tfp_u32(at), count = tfp_u32(at + 4);
    const bool strings = i == TFP_ADDED || i == TFP_VOCABULARY;
    const uint64_t bytes = count * item_bytes((tfp_section_name)i) + (strings ? 4 : 0);
    if (offset < TFP_TOKENIZER_HEADER || offset + bytes > size) return "has a section outside";
  }
  return NULL;
}

static const char *check_ids(const tfp_section *of) {
  for (size_t i = 0; i < of->count; ++i) {
    if (tfp_u32(of->data + 4 * i) > INT32_MAX) return "has an id that is negative";
  }
  return NULL;
}

/* Ranges ascend and lie within Unicode. */
static const char *check_ranges(const tfp_section *of, size_t bytes) {
  int64_t before = -1;
  for (size_t i = 0; i < of->count; ++i) {
    const int64_t first = tfp_u32(of->data + bytes * i), last = tfp_u32(of->data + bytes * i + 4);
    if (first <= before || last < first || last > TFP_MOST_CODE) {
      return "has ranges of characters that do not ascend";
    }
    before = last;
  }
  return NULL;
}

static const char *check_mappings(const tfp_tokenizer *of) {
  static const char *const kWrong = "has a mapping of characters that does not fit";
  const tfp_section *mappings = &of->sections[TFP_MAPPINGS];
  const tfp_section *sequences = &of->sections[TFP_SEQUENCES];
  for (size_t i = 0; i < mappings->count; ++i) {
    const unsigned char *at = mappings->data + TFP_MAPPING_BYTES * i;
    const uint16_t step = tfp_u16(at + 8), kind = tfp_u16(at + 10);
    const uint32_t value = tfp_u32(at + 12);
    if (step < 1 || step > 2 || kind >= TFP_MAPPING_KINDS) return kWrong;
    if (kind == TFP_SHIFT && !are_scalars(tfp_u32(at), tfp_u32(at + 4), (int32_t)value)) {
      return kWrong;
    }
    if ((kind == TFP_DROP || kind == TFP_DROP_MARK) && value != 0) return kWrong;
    if (kind != TFP_SEQUENCE) continue;
    if (value >= sequences->count) return kWrong;
    const uint32_t items = tfp_u32(sequences->data + 4 * (size_t)value);
    if (items < 1 || items > TFP_MOST_ITEMS || items >= sequences->count - value) return kWrong;
    for (size_t j = 1; j <= items; ++j) {
      const uint32_t item = tfp_u32(sequences->data + 4 * (value + j));
      if (item == TFP_ITSELF ? !are_scalars(tfp_u32(at), tfp_u32(at + 4), 0) : !is_scalar(item)) {
        return kWrong;
      }
    }
  }
  return NULL;
}

static const char *check_values(const tfp_section *of, uint32_t least) {
  for (size_t i = 0; i < of->count; ++i) {
    const uint32_t value = tfp_u32(of->data + TFP_CLASS_BYTES * i + 8);
    if (value < least || value > TFP_MOST_CLASS) return "has a class of characters out of range";
  }
  return NULL;
}

/* Whether one string is less than the other, as bytes without signs. */
static bool is_less(const unsigned char *a, size_t a_size, const unsigned char *b, size_t b_size) {
  size_t i = 0;
  while (i < a_size && i < b_size && a[i] == b[i]) ++i;
  if (i == a_size || i == b_size) return i == a_size && i < b_size;
  return a[i] < b[i];
}

static const char *check_strings(const tfp_strings *of, size_t heap, bool added) {
  for (size_t i = 0; i < of->count; ++i) {
    const uint32_t start = tfp_u32(of->starts + 4 * i), end = tfp_u32(of->starts + 4 * i + 4);
    if (start > end || end > heap || (i == 0 && start != 0)) return "has strings outside";
    if (added && (start == end || end - start > TFP_MOST_WORD))
      return "has an added string of no use";
    if (i > 0) {
      const uint32_t before = tfp_u32(of->starts + 4 * (i - 1));
      if (!is_less(of->heap + before, start - before, of->heap + start, end - start)) {
        return "has strings that are not sorted";
      }
    }
    if (tfp_u32(of->ids + 4 * i) > INT32_MAX) return "has an id that is negative";
  }
  return NULL;
}

static tfp_strings strings_of(const tfp_section *section) {
  const size_t count = section->count;
  const unsigned char *ids = section->data + 4 * (count + 1);
  return (tfp_strings){section->data, ids, ids + 4 * count, count};
}

void tfp_tokenizer_take_apart(const void *bytes, tfp_tokenizer *to) {
  const unsigned char *data = bytes;
  to->flags = tfp_u32(data + TFP_AT_FLAGS);
  to->unknown = (int32_t)tfp_u32(data + TFP_AT_UNKNOWN);
  to->padding = (int32_t)tfp_u32(data + TFP_AT_PADDING);
  to->most = tfp_u32(data + TFP_AT_MOST);
  to->padded = tfp_u32(data + TFP_AT_PADDED);
  to->longest_word = tfp_u32(data + TFP_AT_LONGEST_WORD);
  for (int i = 0; i < TFP_SECTION_COUNT; ++i) {
    const unsigned char *at = data + TFP_AT_SECTIONS + 8 * i;
    to->sections[i] = (tfp_section){data + tfp_u32(at), tfp_u32(at + 4)};
  }
  to->added = strings_of(&to->sections[TFP_ADDED]);
  to->vocabulary = strings_of(&to->sections[TFP_VOCABULARY]);
}

const char *tfp_tokenizer_read(const void *bytes, size_t size, tfp_tokenizer *to) {
  const unsigned char *data = bytes;
  const char *wrong = data == NULL ? "is missing" : check_header(data, size);
  if (wrong == NULL) wrong = check_sections(data, size);
  if (wrong != NULL) return wrong;
  tfp_tokenizer_take_apart(data, to);
  const tfp_section *sections = to->sections;
  wrong = check_ids(&sections[TFP_BEFORE]);
  if (wrong == NULL) wrong = check_ids(&sections[TFP_AFTER]);
  if (wrong == NULL && to->most != 0 &&
      sections[TFP_BEFORE].count + sections[TFP_AFTER].count >= to->most) {
    wrong = "has no place between its first and last ids";
  }
  if (wrong == NULL) wrong = check_ranges(&sections[TFP_MAPPINGS], TFP_MAPPING_BYTES);
  if (wrong == NULL) wrong = check_mappings(to);
  if (wrong == NULL) wrong = check_ranges(&sections[TFP_CLASSES], TFP_CLASS_BYTES);
  if (wrong == NULL) wrong = check_values(&sections[TFP_CLASSES], 0);
  if (wrong == NULL) wrong = check_ranges(&sections[TFP_ORDERS], TFP_CLASS_BYTES);
  if (wrong == NULL) wrong = check_values(&sections[TFP_ORDERS], 1);
  const tfp_strings *added = &to->added, *vocabulary = &to->vocabulary;
  if (wrong == NULL) wrong = check_strings(added, size - (size_t)(added->heap - data), true);
  if (wrong == NULL) {
    wrong = check_strings(vocabulary, size - (size_t)(vocabulary->heap - data), false);
  }
  return wrong;
}
