/* The checks are those of tfpipeline/runtime/flatbuffer_reader.py. */
#include "tfp_metadata.h"

#include <stdbool.h>
#include <stdint.h>

#include "tfp_little_endian.h"

/* Numbers of fields, in the order of TensorFlow Lite's schema. */
enum {
  kModelBuffers = 4,
  kModelMetadata = 6,
  kMetadataName = 0,
  kMetadataBuffer = 1,
  kBufferData = 0,
  kBufferOffset = 1,
  kBufferSize = 2
};

typedef struct file {
  const unsigned char *data;
  uint64_t size;
} file;

typedef struct span {
  uint64_t start, count;
} span;

static bool holds(const file *in, uint64_t at, uint64_t bytes) {
  return at <= in->size && bytes <= in->size - at;
}

/* Follows the offset that stands at a place; 0 where it leads outside. */
static uint64_t follow(const file *in, uint64_t at) {
  if (!holds(in, at, 4)) return 0;
  const uint64_t to = at + tfp_u32(in->data + at);
  return holds(in, to, 4) ? to : 0;
}

/* Where a table's field stands; 0 where it has none. */
static uint64_t field(const file *in, uint64_t table, unsigned number) {
  if (!holds(in, table, 4)) return 0;
  const int64_t vtable = (int64_t)table - (int32_t)tfp_u32(in->data + table);
  if (vtable < 0 || !holds(in, (uint64_t)vtable, 4)) return 0;
  const uint64_t entry = 4 + 2 * (uint64_t)number;
  if (entry + 2 > tfp_u16(in->data + vtable)) return 0;
  if (!holds(in, (uint64_t)vtable + entry, 2)) return 0;
  const uint16_t relative = tfp_u16(in->data + vtable + entry);
  return relative != 0 ? table + relative : 0;
}

/* The vector in a field, of items of that many bytes; empty where there is none. */
static span vector(const file *in, uint64_t table, unsigned number, uint64_t item) {
  const uint64_t at = field(in, table, number);
  const uint64_t start = at != 0 ? follow(in, at) : 0;
  if (start == 0) return (span){0, 0};
  const uint64_t count = tfp_u32(in->data + start);
  if (!holds(in, start + 4, item * count)) return (span){0, 0};
  return (span){start + 4, count};
}

static uint64_t number(const file *in, uint64_t table, unsigned which, uint64_t bytes) {
  const uint64_t at = field(in, table, which);
  if (at == 0 || !holds(in, at, bytes)) return 0;
  return bytes == 8 ? tfp_u64(in->data + at) : tfp_u32(in->data + at);
}

static bool is_called(const file *in, span text, const char *name) {
  uint64_t i = 0;
  while (i < text.count && name[i] != '\0' && in->data[text.start + i] == (unsigned char)name[i]) {
    ++i;
  }
  return i == text.count && name[i] == '\0';
}

/* The bytes of a buffer: in its table, or after a flatbuffer of more than 2 GB. */
static span content(const file *in, uint64_t buffer) {
  const uint64_t offset = number(in, buffer, kBufferOffset, 8);
  if (offset <= 1) return vector(in, buffer, kBufferData, 1);
  const uint64_t bytes = number(in, buffer, kBufferSize, 8);
  return holds(in, offset, bytes) ? (span){offset, bytes} : (span){0, 0};
}

const void *tfp_find_metadata(const void *model, size_t size, const char *name, size_t *bytes) {
  const file in = {model, size};
  *bytes = 0;
  if (model == NULL || size < 8 || tfp_u32(in.data + 4) != 0x334c4654u /* TFL3 */) return NULL;
  const uint64_t root = follow(&in, 0);
  if (root == 0) return NULL;
  const span entries = vector(&in, root, kModelMetadata, 4);
  const span buffers = vector(&in, root, kModelBuffers, 4);
  for (uint64_t i = 0; i < entries.count; ++i) {
    const uint64_t entry = follow(&in, entries.start + 4 * i);
    if (entry == 0 || !is_called(&in, vector(&in, entry, kMetadataName, 1), name)) continue;
    const uint64_t wanted = number(&in, entry, kMetadataBuffer, 4);
    const uint64_t buffer = wanted < buffers.count ? follow(&in, buffers.start + 4 * wanted) : 0;
    const span found = buffer != 0 ? content(&in, buffer) : (span){0, 0};
    if (found.count == 0) return NULL;
    *bytes = (size_t)found.count;
    return in.data + found.start;
  }
  return NULL;
}
