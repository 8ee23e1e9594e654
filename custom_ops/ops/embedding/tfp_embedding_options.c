#include "tfp_embedding_options.h"

#include <stdio.h>
#include <string.h>

#include "../fully_connected/tfp_fully_connected.h"

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

/* Byte by byte: the data has no alignment, and the machine may be big-endian. */
static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool check_header(const unsigned char *p, size_t size, char *error, size_t error_size) {
  if (p == NULL || size < 8 || memcmp(p, "TFPE", 4) != 0) {
    REFUSE("custom_options are not those of tfpipeline.embedding (%lu bytes)",
           (unsigned long)(p == NULL ? 0 : size));
  }
  const uint32_t version = read_u32(p + 4) & 0xffff, stated = read_u32(p + 4) >> 16;
  if (version != TFP_EMBEDDING_OPTIONS_VERSION) {
    REFUSE(
        "custom_options have version %u, this plug-in reads %u: upgrade tfpipeline or export the "
        "model again",
        version, TFP_EMBEDDING_OPTIONS_VERSION);
  }
  if (size != TFP_EMBEDDING_OPTIONS_BYTES || stated != TFP_EMBEDDING_OPTIONS_BYTES) {
    REFUSE("custom_options must have %u bytes; got %lu, which say %u", TFP_EMBEDDING_OPTIONS_BYTES,
           (unsigned long)size, stated);
  }
  if (read_u32(p + 8) != 0) {
    REFUSE("flags 0x%x hold bits that version 1 reserves", read_u32(p + 8));
  }
  for (size_t i = 27; i < TFP_EMBEDDING_OPTIONS_BYTES; ++i) {
    if (p[i] != 0) REFUSE("reserved byte %lu must be 0; got %u", (unsigned long)i, p[i]);
  }
  return true;
}

static bool check_number(const char *name, uint32_t value, uint32_t low, uint32_t high, char *error,
                         size_t error_size) {
  if (value >= low && value <= high) return true;
  REFUSE("%s %u is out of range (%u to %u)", name, value, low, high);
}

static bool is_width(unsigned bits) {
  return bits == 8 || bits == 4 || bits == 2;
}

bool tfp_embedding_options_parse(const void *data, size_t size, tfp_embedding_options *options,
                                 char *error, size_t error_size) {
  const unsigned char *p = data;
  if (!check_header(p, size, error, error_size)) return false;
  *options = (tfp_embedding_options){.vocabulary = read_u32(p + 12),
                                     .width = read_u32(p + 16),
                                     .units = read_u32(p + 20),
                                     .table_bits = p[24],
                                     .product_bits = p[25],
                                     .mean = (tfp_mean)p[26]};
  if (!check_number("vocabulary", options->vocabulary, 1, INT32_MAX, error, error_size) ||
      !check_number("width", options->width, 1, TFP_FULLY_CONNECTED_MAX_DEPTH, error, error_size) ||
      !check_number("units", options->units, 0, TFP_FULLY_CONNECTED_MAX_ROWS, error, error_size)) {
    return false;
  }
  if (!is_width(p[24])) REFUSE("table_bits must be 8, 4 or 2; got %u", p[24]);
  if (options->units == 0 ? p[25] != 0 : !is_width(p[25])) {
    REFUSE("product_bits must be 8, 4 or 2, or 0 where units is 0; got %u", p[25]);
  }
  if (p[26] >= TFP_MEANS) REFUSE("mean must be 0 to %d; got %u", TFP_MEANS - 1, p[26]);
  return true;
}
