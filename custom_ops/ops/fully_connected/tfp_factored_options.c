#include "tfp_factored_options.h"

#include <stdio.h>
#include <string.h>

#include "tfp_fully_connected.h"

#define REFUSE(...) return snprintf(error, error_size, __VA_ARGS__), false

/* Byte by byte: the data has no alignment, and the machine may be big-endian. */
static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool check_header(const unsigned char *p, size_t size, char *error, size_t error_size) {
  if (p == NULL || size < 8 || memcmp(p, "TFPP", 4) != 0) {
    REFUSE("custom_options are not those of tfpipeline.factored_fully_connected (%lu bytes)",
           (unsigned long)(p == NULL ? 0 : size));
  }
  const uint32_t version = read_u32(p + 4) & 0xffff, stated = read_u32(p + 4) >> 16;
  if (version != TFP_FACTORED_OPTIONS_VERSION) {
    REFUSE(
        "custom_options have version %u, this plug-in reads %u: upgrade tfpipeline or export the "
        "model again",
        version, TFP_FACTORED_OPTIONS_VERSION);
  }
  if (size != TFP_FACTORED_OPTIONS_BYTES || stated != TFP_FACTORED_OPTIONS_BYTES) {
    REFUSE("custom_options must have %u bytes; got %lu, which say %u", TFP_FACTORED_OPTIONS_BYTES,
           (unsigned long)size, stated);
  }
  if (read_u32(p + 8) != 0) {
    REFUSE("flags 0x%x hold bits that version 1 reserves", read_u32(p + 8));
  }
  for (size_t i = 32; i < TFP_FACTORED_OPTIONS_BYTES; ++i) {
    if (p[i] != 0) REFUSE("reserved byte %lu must be 0; got %u", (unsigned long)i, p[i]);
  }
  return true;
}

static bool check_number(const char *name, uint32_t value, uint32_t high, char *error,
                         size_t error_size) {
  if (value < 1 || value > high) REFUSE("%s %u is out of range (1 to %u)", name, value, high);
  return true;
}

static bool check_bits(const char *name, unsigned bits, char *error, size_t error_size) {
  if (bits != 8 && bits != 4 && bits != 2) REFUSE("%s must be 8, 4 or 2; got %u", name, bits);
  return true;
}

bool tfp_factored_options_parse(const void *data, size_t size, tfp_factored_options *options,
                                char *error, size_t error_size) {
  const unsigned char *p = data;
  if (!check_header(p, size, error, error_size)) return false;
  const uint32_t scale_bits = read_u32(p + 28);
  *options = (tfp_factored_options){.rows = read_u32(p + 12),
                                    .depth = read_u32(p + 16),
                                    .rank = read_u32(p + 20),
                                    .first_bits = p[24],
                                    .last_bits = p[25],
                                    .activation = (tfp_activation)p[26],
                                    .inner_zero_point = (p[27] ^ 0x80) - 0x80};
  memcpy(&options->inner_scale, &scale_bits, sizeof scale_bits);
  if (!check_number("rows", options->rows, TFP_FULLY_CONNECTED_MAX_ROWS, error, error_size) ||
      !check_number("depth", options->depth, TFP_FULLY_CONNECTED_MAX_DEPTH, error, error_size) ||
      !check_number("rank", options->rank, TFP_FULLY_CONNECTED_MAX_DEPTH, error, error_size) ||
      !check_bits("first_bits", p[24], error, error_size) ||
      !check_bits("last_bits", p[25], error, error_size)) {
    return false;
  }
  if (p[26] != kTfpNone && p[26] != kTfpRelu && p[26] != kTfpRelu6) {
    REFUSE("activation must be 0 (none), 1 (relu) or 3 (relu6); got %u", p[26]);
  }
  const bool is_float = scale_bits == 0;
  if (is_float ? p[27] != 0 : !tfp_scale_in_range(options->inner_scale)) {
    REFUSE("inner scale %g with zero point %d must lie in [2^-40, 2^40], or both be 0",
           (double)options->inner_scale, options->inner_zero_point);
  }
  return true;
}
