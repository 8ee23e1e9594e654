#include "tfp_fully_connected_options.h"

#include <stdio.h>
#include <string.h>

#include "tfp_fully_connected.h"

/* Byte by byte: the data has no alignment, and the machine may be big-endian. */
static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t read_u16(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static bool check_header(const unsigned char *p, size_t size, char *error, size_t error_size) {
  if (p == NULL || size < 8 || memcmp(p, "TFPF", 4) != 0) {
    snprintf(error, error_size,
             "custom_options are not those of tfpipeline.fully_connected (%lu bytes)",
             (unsigned long)(p == NULL ? 0 : size));
    return false;
  }
  const uint32_t version = read_u16(p + 4), stated = read_u16(p + 6);
  if (version != TFP_FULLY_CONNECTED_OPTIONS_VERSION) {
    snprintf(error, error_size,
             "custom_options have version %u, this plug-in reads %u: upgrade tfpipeline or export "
             "the model again",
             version, TFP_FULLY_CONNECTED_OPTIONS_VERSION);
    return false;
  }
  if (size != TFP_FULLY_CONNECTED_OPTIONS_BYTES || stated != TFP_FULLY_CONNECTED_OPTIONS_BYTES) {
    snprintf(error, error_size, "custom_options must have %u bytes; got %lu, which say %u",
             TFP_FULLY_CONNECTED_OPTIONS_BYTES, (unsigned long)size, stated);
    return false;
  }
  return true;
}

bool tfp_fully_connected_options_parse(const void *data, size_t size,
                                       tfp_fully_connected_options *options, char *error,
                                       size_t error_size) {
  const unsigned char *p = data;
  if (!check_header(p, size, error, error_size)) return false;
  if (read_u32(p + 8) != 0) {
    snprintf(error, error_size, "flags 0x%x hold bits that version 1 reserves", read_u32(p + 8));
    return false;
  }
  for (size_t i = 22; i < TFP_FULLY_CONNECTED_OPTIONS_BYTES; ++i) {
    if (p[i] != 0) {
      snprintf(error, error_size, "reserved byte %lu must be 0; got %u", (unsigned long)i, p[i]);
      return false;
    }
  }
  options->rows = read_u32(p + 12);
  options->depth = read_u32(p + 16);
  options->weight_bits = p[20];
  options->activation = (tfp_activation)p[21];
  if (options->rows < 1 || options->rows > TFP_FULLY_CONNECTED_MAX_ROWS || options->depth < 1 ||
      options->depth > TFP_FULLY_CONNECTED_MAX_DEPTH) {
    snprintf(error, error_size, "rows %u or depth %u are out of range (to %u and %u)",
             options->rows, options->depth, TFP_FULLY_CONNECTED_MAX_ROWS,
             TFP_FULLY_CONNECTED_MAX_DEPTH);
    return false;
  }
  if (p[20] != 8 && p[20] != 4 && p[20] != 2) {
    snprintf(error, error_size, "weight_bits must be 8, 4 or 2; got %u", p[20]);
    return false;
  }
  if (p[21] != kTfpNone && p[21] != kTfpRelu && p[21] != kTfpRelu6) {
    snprintf(error, error_size, "activation must be 0 (none), 1 (relu) or 3 (relu6); got %u",
             p[21]);
    return false;
  }
  return true;
}
