/* A program around the tokenizer, for checks that need the whole process: heap allocations, and
 * sanitizers. Compiled by tests/native/test_driver.py together with all sources.
 *
 * Bytes of a tokenizer with everything in it are damaged at random, cut, and used where they pass;
 * texts at random lie at the end of memory of their size, and so do ids. The same is done to a
 * model in whose metadata it lies. An answer, never a crash, and no heap memory. Prints "ok" and
 * returns 0 when all holds. */
#include <stdio.h>
#include <string.h>

#include "../plugin/tfpipeline_text.h"
#include "driver.h"

enum { kMostBytes = 1024, kMostText = 64, kMostIds = 48, kHeader = 112 };

typedef struct writer {
  unsigned char bytes[kMostBytes];
  uint32_t size, section;
} writer;

static void put_u32(unsigned char *at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = (unsigned char)(value >> 8 * i);
}

static void add(writer *to, uint32_t value) {
  put_u32(to->bytes + to->size, value);
  to->size += 4;
}

static void begin(writer *to, uint32_t count) {
  put_u32(to->bytes + 40 + 8 * to->section, to->size);
  put_u32(to->bytes + 44 + 8 * to->section, count);
  to->section += 1;
}

static void add_strings(writer *to, const char *const *strings, uint32_t count) {
  begin(to, count);
  uint32_t end = 0;
  add(to, 0);
  for (uint32_t i = 0; i < count; ++i) add(to, end += (uint32_t)strlen(strings[i]));
  for (uint32_t i = 0; i < count; ++i) add(to, 10 + i);
  for (uint32_t i = 0; i < count; ++i) {
    memcpy(to->bytes + to->size, strings[i], strlen(strings[i]));
    to->size += (uint32_t)strlen(strings[i]);
  }
}

/* A tokenizer with something in each section. */
static void write_tokenizer(writer *to, uint32_t flags) {
  static const char *const added[] = {"[AB]", "[A]"};
  static const char *const words[] = {"", "##a", "##b", "a", "ab", "abc", "\xc3\xa9"};
  memset(to, 0, sizeof *to);
  to->size = kHeader;
  begin(to, 1);
  add(to, 7);
  begin(to, 1);
  add(to, 8);
  begin(to, 2);
  memcpy(to->bytes + to->size, "##", 2);
  to->size += 2;
  begin(to, 5);
  const uint32_t mappings[5][3] = {{'!', '/', 1 | 1u << 16},
                                   {'A', 'Z', 1 | 0u << 16},
                                   {0xe0, 0xe9, 2 | 3u << 16},
                                   {0x300, 0x310, 1 | 2u << 16},
                                   {0x4e00, 0x9fff, 1 | 3u << 16}};
  const uint32_t values[5] = {0, 32, 0, 0, 3};
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 3; ++j) add(to, mappings[i][j]);
    add(to, values[i]);
  }
  begin(to, 7);
  const uint32_t sequences[] = {2, 'e', 0x316, 3, ' ', 0xffffffffu, ' '};
  for (int i = 0; i < 7; ++i) add(to, sequences[i]);
  begin(to, 2);
  const uint32_t classes[] = {9, 13, 0, 32, 32, 0};
  for (int i = 0; i < 6; ++i) add(to, classes[i]);
  begin(to, 2);
  const uint32_t orders[] = {0x311, 0x315, 230, 0x316, 0x319, 220};
  for (int i = 0; i < 6; ++i) add(to, orders[i]);
  add_strings(to, added, 2);
  add_strings(to, words, 7);
  memcpy(to->bytes, "TFPT\1\0\160\0", 8);
  put_u32(to->bytes + 8, to->size);
  put_u32(to->bytes + 12, flags);
  put_u32(to->bytes + 24, next() % 2 * 20);
  put_u32(to->bytes + 28, next() % 2 * 24);
  put_u32(to->bytes + 32, flags & 4 ? 1 + next() % 9 : 0);
}

static size_t random_text(char *text) {
  static const char *const parts[] = {
      "a",        "b",    "c",        " ",    "[A]",          "[AB",
      "!",        "A",    "\xc3\xa9", "\xcc", "\xcc\x80",     "\xcc\x91",
      "\xcc\x96", "\xf0", "\x9f",     "\x80", "\xea\xb0\x81", "\xe4\xb8\xad"};
  const size_t wanted = next() % (kMostText - 4);
  size_t size = 0;
  while (size < wanted) {
    const char *part = parts[next() % (sizeof parts / sizeof parts[0])];
    memcpy(text + size, part, strlen(part));
    size += strlen(part);
    if (next() % 16 == 0) text[size++ - 1] = '\0';
    if (size >= wanted) break;
  }
  return size < kMostText ? size : kMostText;
}

/* Encodes a text at random into memory of exactly its size. */
static int encode(const tfpipeline_tokenizer *tokenizer) {
  char made[kMostText + 8];
  const size_t size = random_text(made), capacity = next() % kMostIds;
  char *text = fresh(size);
  int32_t *ids = fresh(capacity * sizeof *ids);
  memcpy(text, made, size);
  const unsigned long before = allocations;
  const size_t count = tfpipeline_tokenizer_encode(tokenizer, text, size, ids, capacity);
  const size_t again = tfpipeline_tokenizer_encode(tokenizer, text, size, NULL, 0);
  const size_t most = tfpipeline_tokenizer_most_ids(tokenizer);
  const int holds = allocations == before && count == again && (most == 0 || count <= most);
  int64_t sum = 0;
  for (size_t i = 0; i < capacity && i < count; ++i) sum += ids[i];
  free(text);
  free(ids);
  return holds && sum >= 0;
}

static int damaged(const writer *whole) {
  const size_t size = next() % 4 == 0 ? next() % (whole->size + 1) : whole->size;
  unsigned char *bytes = fresh(size);
  memcpy(bytes, whole->bytes, size);
  for (uint32_t i = next() % 4; size >= 4 && i > 0; --i) {
    const size_t at = next() % (next() % 2 == 0 && size > kHeader ? kHeader : size - 3);
    if (next() % 2 == 0) {
      bytes[at] = (unsigned char)next();
    } else {
      static const uint32_t numbers[] = {0, 1, 2, 0xffffffffu, 0x7fffffffu, 0xd800, 0x10ffff};
      put_u32(bytes + at, numbers[next() % 7]);
    }
  }
  tfpipeline_tokenizer tokenizer;
  int holds = 1;
  if (tfpipeline_tokenizer_open(bytes, size, &tokenizer) == NULL &&
      tfpipeline_tokenizer_most_ids(&tokenizer) < 1u << 16) {
    for (int i = 0; i < 4; ++i) holds = holds && encode(&tokenizer);
  }
  free(bytes);
  return holds;
}

enum { kModelBytes = 124 };

/* A model with a metadata entry "m" of the bytes 1, 2, 3, and nothing else: tables and vectors at
 * the places that the offsets say. */
static void write_model(unsigned char model[kModelBytes]) {
  static const uint32_t numbers[][2] = {{0, 32}, /* root */
                                        {8, 18 | 12u << 16},
                                        {20, 4},
                                        {24, 8}, /* its fields 4 and 6 */
                                        {32, 24},
                                        {36, 44 - 36},
                                        {40, 56 - 40}, /* itself */
                                        {44, 2},
                                        {48, 72 - 48},
                                        {52, 80 - 52}, /* buffers */
                                        {56, 1},
                                        {60, 96 - 60}, /* metadata */
                                        {64, 6 | 8u << 16},
                                        {68, 4}, /* fields of a buffer */
                                        {72, 8},
                                        {76, 108 - 76}, /* buffer 0 */
                                        {80, 16},
                                        {84, 108 - 84}, /* buffer 1 */
                                        {88, 8 | 12u << 16},
                                        {92, 4 | 8u << 16}, /* fields of an entry */
                                        {96, 8},
                                        {100, 116 - 100},
                                        {104, 1}, /* the entry */
                                        {108, 3},
                                        {112, 1 | 2 << 8 | 3 << 16}, /* its bytes */
                                        {116, 1},
                                        {120, 'm'}}; /* its name */
  memset(model, 0, kModelBytes);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
    put_u32(model + numbers[i][0], numbers[i][1]);
  }
  memcpy(model + 4, "TFL3", 4);
}

static int metadata(void) {
  unsigned char whole[kModelBytes];
  size_t bytes = 0;
  write_model(whole);
  const unsigned char *data = tfpipeline_find_metadata(whole, kModelBytes, "m", &bytes);
  if (data == NULL || bytes != 3 || data[0] != 1 || data[2] != 3) return 0;
  if (tfpipeline_find_metadata(whole, kModelBytes, "mm", &bytes) != NULL || bytes != 0) return 0;
  size_t still_there = 0;
  for (int i = 0; i < 20000; ++i) {
    const size_t size = next() % 4 == 0 ? next() % kModelBytes : kModelBytes;
    unsigned char *model = fresh(size);
    memcpy(model, whole, size);
    for (uint32_t j = next() % 3; size >= 4 && j > 0; --j) {
      const size_t at = next() % (size - 3);
      if (next() % 2 == 0) {
        model[at] = (unsigned char)next();
      } else {
        put_u32(model + at, next() % 2 == 0 ? 0xffffffffu - next() % 256 : next() % 256);
      }
    }
    const unsigned char *found = tfpipeline_find_metadata(model, size, "m", &bytes);
    int holds = found == NULL ? bytes == 0 : found >= model && bytes <= size;
    /* Whatever it found must be readable. */
    for (size_t j = 0; found != NULL && j < bytes; ++j) holds = holds && found[j] + 1 > 0;
    still_there += found != NULL;
    free(model);
    if (!holds) return 0;
  }
  return still_there > 1000 && tfpipeline_find_metadata(NULL, 0, "m", &bytes) == NULL;
}

int main(void) {
  for (int i = 0; i < 6000; ++i) {
    writer whole;
    write_tokenizer(&whole, (uint32_t)i % 32);
    tfpipeline_tokenizer tokenizer;
    const char *wrong = tfpipeline_tokenizer_open(whole.bytes, whole.size, &tokenizer);
    if (wrong != NULL) {
      printf("whole bytes were refused: %s\n", wrong);
      return 1;
    }
    if (!encode(&tokenizer) || !damaged(&whole)) {
      printf("round %d does not hold\n", i);
      return 1;
    }
  }
  if (!metadata()) {
    printf("metadata was found outside of a model\n");
    return 1;
  }
  printf("ok\n");
  return 0;
}
