#include "tfp_recurrent_options.h"

#include <stdio.h>
#include <string.h>

#include "tfp_product.h"

enum { kDefaultSteps = 4 };

/* Reads byte by byte: the data has no alignment, and the machine may be big-endian. */
static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t read_u16(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static float read_f32(const unsigned char *p) {
  const uint32_t bits = read_u32(p);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* False for NaN and infinity too. */
static bool scale_in_range(float scale) {
  return scale >= 0x1p-40f && scale <= 0x1p+40f;
}

/* The fields of one byte: gate functions, steps at once and widths of weights. */
static bool parse_small(const unsigned char *p, tfp_recurrent_options *options, char *error,
                        size_t error_size) {
  const int gate = p[TFP_AT_RECURRENT_ACTIVATION], activation = p[TFP_AT_ACTIVATION];
  options->recurrent_activation = gate;
  options->activation = activation;
  if (tfp_recurrent_activation(gate) == NULL || tfp_activation(activation) == NULL) {
    snprintf(error, error_size, "gate functions (%d, %d) are unknown: version 1 has 1 to %d", gate,
             activation, TFP_GATE_FUNCTION_COUNT);
    return false;
  }
  const unsigned steps = p[TFP_AT_STEPS_AT_ONCE];
  options->steps_at_once = steps != 0 ? steps : kDefaultSteps;
  if (options->steps_at_once > TFP_MAX_BATCH) {
    snprintf(error, error_size, "steps_at_once must be 1 to %d, or 0 for %d; got %u", TFP_MAX_BATCH,
             kDefaultSteps, steps);
    return false;
  }
  for (size_t i = 0; i < 4; ++i) {
    static const char *const names[] = {"W1", "W2", "U1", "U2"};
    const int bits = p[TFP_AT_WEIGHT_BITS + i] & 15;
    options->weight_bits[i] = bits != 0 ? bits : 8;
    if (bits != 0 && bits != 8 && bits != 4 && bits != 2) {
      snprintf(error, error_size, "weights of %s must have 8, 4 or 2 bits; got %d", names[i], bits);
      return false;
    }
  }
  return true;
}

/* Bytes that nothing reads are 0, so that a later version may give them a meaning. */
static bool check_reserved(const tfp_cell *cell, const unsigned char *p, bool layer_norm,
                           char *error, size_t error_size) {
  const size_t parameters_end = TFP_AT_PARAMETERS + cell->parameters * sizeof(float);
  for (size_t i = TFP_AT_EPSILON; i < tfp_recurrent_options_bytes(cell); ++i) {
    const bool used = i < TFP_AT_PARAMETERS ? layer_norm : i < parameters_end;
    if (p[i] != 0 && !used) {
      snprintf(error, error_size, "reserved byte %lu must be 0; got %u", (unsigned long)i, p[i]);
      return false;
    }
  }
  return true;
}

/* Numbers of the layer normalization and of the cell itself. */
static bool parse_numbers(const tfp_cell *cell, const unsigned char *p,
                          tfp_recurrent_options *options, char *error, size_t error_size) {
  memset(options->parameters, 0, sizeof options->parameters);
  options->epsilon = read_f32(p + TFP_AT_EPSILON);
  if (options->layer_norm && !(options->epsilon >= 0x1p-40f && options->epsilon <= 1.0f)) {
    snprintf(error, error_size, "epsilon %g of the layer normalization must lie in [2^-40, 1]",
             (double)options->epsilon);
    return false;
  }
  for (size_t i = 0; i < cell->parameters; ++i) {
    const float value = read_f32(p + TFP_AT_PARAMETERS + i * sizeof(float));
    if (!(value >= -0x1p+40f && value <= 0x1p+40f)) {
      snprintf(error, error_size, "parameter %lu of %s is %g, out of [-2^40, 2^40]",
               (unsigned long)i, cell->name, (double)value);
      return false;
    }
    options->parameters[i] = value > -0x1p-60f && value < 0x1p-60f ? 0.0f : value;
  }
  return true;
}

static bool check_window(const tfp_cell *cell, const tfp_recurrent_options *options, char *error,
                         size_t error_size) {
  const uint32_t most = cell->recurrent ? 1 : TFP_RECURRENT_MAX_WINDOW;
  if (options->window > most || options->window > TFP_RECURRENT_MAX_DEPTH / options->input_dim) {
    snprintf(error, error_size, "window %u of %u features must be at most %u, and %u numbers",
             options->window, options->input_dim, most, TFP_RECURRENT_MAX_DEPTH);
    return false;
  }
  if (options->window > 1 && options->go_backwards) {
    snprintf(error, error_size, "go_backwards needs a window of 1; got %u", options->window);
    return false;
  }
  if (!cell->recurrent && options->rank_h != 0) {
    snprintf(error, error_size, "rank_h must be 0 without a recurrent kernel; got %u",
             options->rank_h);
    return false;
  }
  return true;
}

/* The high halves of the bytes of the widths: planes but one of each matrix. */
static bool parse_planes(const tfp_cell *cell, const unsigned char *p,
                         tfp_recurrent_options *options, char *error, size_t error_size) {
  static const char *const names[] = {"W1", "W2", "U1", "U2"};
  for (size_t i = 0; i < 4; ++i) {
    const unsigned planes = 1 + (p[TFP_AT_WEIGHT_BITS + i] >> 4);
    const uint32_t rank = i < 2 ? options->rank_x : options->rank_h;
    const bool may = i % 2 == 0 && rank == 0 && options->weight_bits[i] == 2 &&
                     !options->layer_norm && (i == 0 || cell->recurrent);
    if (planes > TFP_MAX_PLANES || (planes > 1 && !may)) {
      snprintf(error, error_size,
               "%s must have one plane, or up to %d where it is a plain kernel of 2 bits without "
               "layer normalization; got %u",
               names[i], TFP_MAX_PLANES, planes);
      return false;
    }
    if (i == 0) options->planes_x = planes;
    if (i == 2) options->planes_h = planes;
  }
  return true;
}

size_t tfp_recurrent_options_bytes(const tfp_cell *cell) {
  enum { kLeast = 3 };
  const size_t parameters = cell->parameters > kLeast ? cell->parameters : kLeast;
  return TFP_AT_PARAMETERS + parameters * sizeof(float);
}

bool tfp_recurrent_options_parse(const tfp_cell *cell, const void *data, size_t size,
                                 tfp_recurrent_options *options, char *error, size_t error_size) {
  const unsigned char *p = data;
  if (p == NULL || size < 8 || memcmp(p, cell->magic, 4) != 0) {
    snprintf(error, error_size, "custom_options are not those of %s (%lu bytes)", cell->name,
             (unsigned long)(p == NULL ? 0 : size));
    return false;
  }
  const uint32_t version = read_u16(p + TFP_AT_VERSION), stated = read_u16(p + TFP_AT_SIZE);
  if (version != TFP_RECURRENT_OPTIONS_VERSION) {
    snprintf(error, error_size,
             "custom_options have version %u, this plug-in reads %u: upgrade tfpipeline or export "
             "the model again",
             version, TFP_RECURRENT_OPTIONS_VERSION);
    return false;
  }
  const size_t bytes = tfp_recurrent_options_bytes(cell);
  if (size != bytes || stated != bytes) {
    snprintf(error, error_size, "custom_options must have %lu bytes; got %lu, which say %u",
             (unsigned long)bytes, (unsigned long)size, stated);
    return false;
  }
  const uint32_t flags = read_u32(p + TFP_AT_FLAGS);
  if ((flags &
       ~(uint32_t)(TFP_FLAG_RETURN_SEQUENCES | TFP_FLAG_GO_BACKWARDS | TFP_FLAG_LAYER_NORM)) != 0) {
    snprintf(error, error_size, "flags 0x%x hold bits that version 1 reserves (time-major is 0x4)",
             flags);
    return false;
  }
  options->layer_norm = (flags & TFP_FLAG_LAYER_NORM) != 0;
  if (!check_reserved(cell, p, options->layer_norm, error, error_size) ||
      !parse_numbers(cell, p, options, error, error_size) ||
      !parse_small(p, options, error, error_size)) {
    return false;
  }
  options->units = read_u32(p + TFP_AT_UNITS);
  options->window = p[TFP_AT_WINDOW] != 0 ? p[TFP_AT_WINDOW] : 1;
  options->input_dim = read_u32(p + TFP_AT_INPUT_DIM);
  options->rank_x = read_u32(p + TFP_AT_RANK_X);
  options->rank_h = read_u32(p + TFP_AT_RANK_H);
  options->scale_a_x = read_f32(p + TFP_AT_SCALE_A_X);
  options->scale_a_h = read_f32(p + TFP_AT_SCALE_A_H);
  options->scale_h = read_f32(p + TFP_AT_SCALE_H);
  options->return_sequences = (flags & TFP_FLAG_RETURN_SEQUENCES) != 0;
  options->go_backwards = (flags & TFP_FLAG_GO_BACKWARDS) != 0;
  if (options->units < 1 || options->units > TFP_RECURRENT_MAX_UNITS || options->input_dim < 1 ||
      options->input_dim > TFP_RECURRENT_MAX_DEPTH || options->rank_x > TFP_RECURRENT_MAX_UNITS ||
      options->rank_h > TFP_RECURRENT_MAX_UNITS) {
    snprintf(error, error_size,
             "units %u, input_dim %u, rank_x %u or rank_h %u are out of range (units and ranks to "
             "%u, input_dim to %u)",
             options->units, options->input_dim, options->rank_x, options->rank_h,
             TFP_RECURRENT_MAX_UNITS, TFP_RECURRENT_MAX_DEPTH);
    return false;
  }
  if (!check_window(cell, options, error, error_size) ||
      !parse_planes(cell, p, options, error, error_size)) {
    return false;
  }
  if (!scale_in_range(options->scale_a_x) || !scale_in_range(options->scale_a_h) ||
      !scale_in_range(options->scale_h)) {
    snprintf(error, error_size,
             "scale_a_x %g, scale_a_h %g and scale_h %g must lie in [2^-40, 2^40]",
             (double)options->scale_a_x, (double)options->scale_a_h, (double)options->scale_h);
    return false;
  }
  return true;
}
