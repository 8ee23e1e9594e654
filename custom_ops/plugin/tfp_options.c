#include "tfp_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxThreads = 256 };

/* Names of all variants, or of those that run here, as "c, avx2". */
static void list_variants(bool supported_only, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < tfp_variant_count() && used < size; ++i) {
    const tfp_variant *variant = tfp_get_variant(i);
    if (supported_only && !variant->supported()) continue;
    const int written =
        snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", variant->name);
    if (written < 0) return;
    used += (size_t)written;
  }
}

static bool parse_isa(const char *value, tfp_options *options, char *error, size_t error_size) {
  char names[128];
  options->variant = tfp_find_variant(value);
  if (options->variant != NULL) return true;
  for (size_t i = 0; i < tfp_variant_count(); ++i) {
    if (strcmp(value, tfp_get_variant(i)->name) == 0) {
      list_variants(true, names, sizeof names);
      snprintf(error, error_size,
               "tfpipeline: option isa=%s needs instructions that this processor lacks; it runs "
               "auto, %s",
               value, names);
      return false;
    }
  }
  list_variants(false, names, sizeof names);
  snprintf(error, error_size, "tfpipeline: option isa must be one of auto, %s; got '%.64s'", names,
           value);
  return false;
}

static bool parse_threads(const char *value, tfp_options *options, char *error, size_t error_size) {
  char *end;
  const long threads = strtol(value, &end, 10);
  if (end == value || *end != '\0' || threads < 1 || threads > kMaxThreads) {
    snprintf(error, error_size,
             "tfpipeline: option num_threads must be a whole number from 1 to %d; got '%.64s'",
             kMaxThreads, value);
    return false;
  }
  options->num_threads = (int)threads;
  return true;
}

/* Whether `value` is a way to say yes or no. */
static bool read_flag(const char *value, bool *flag) {
  static const char *const yes[] = {"1", "true", "True", "yes"};
  static const char *const no[] = {"0", "false", "False", "no"};
  for (size_t i = 0; i < sizeof yes / sizeof yes[0]; ++i) {
    *flag = strcmp(value, yes[i]) == 0;
    if (*flag || strcmp(value, no[i]) == 0) return true;
  }
  return false;
}

static bool parse_flag(const char *name, const char *value, bool *flag, char *error,
                       size_t error_size) {
  if (read_flag(value, flag)) return true;
  snprintf(error, error_size, "tfpipeline: option %s must be true or false; got '%.64s'", name,
           value);
  return false;
}

static bool parse_acceleration(const char *name, const char *value, tfp_acceleration *found,
                               char *error, size_t error_size) {
  bool flag = false;
  if (strcmp(value, "all") == 0) {
    *found = kTfpAll;
  } else if (read_flag(value, &flag)) {
    *found = flag ? kTfpFaster : kTfpLeave;
  } else {
    snprintf(error, error_size, "tfpipeline: option %s must be true, false or all; got '%.64s'",
             name, value);
    return false;
  }
  return true;
}

tfp_options tfp_options_default(void) {
  return (tfp_options){.variant = tfp_find_variant("auto"), .num_threads = 1, .chains = true};
}

bool tfp_options_parse(const char *const *keys, const char *const *values, size_t count,
                       tfp_options *options, char *error, size_t error_size) {
  *options = tfp_options_default();
  for (size_t i = 0; i < count; ++i) {
    const char *key = keys != NULL ? keys[i] : NULL, *value = values != NULL ? values[i] : NULL;
    bool ok = false;
    if (key == NULL || value == NULL) {
      snprintf(error, error_size, "tfpipeline: option %lu has no name or no value",
               (unsigned long)i);
    } else if (strcmp(key, "isa") == 0) {
      ok = parse_isa(value, options, error, error_size);
    } else if (strcmp(key, "num_threads") == 0) {
      ok = parse_threads(value, options, error, error_size);
    } else if (strcmp(key, "verbose") == 0) {
      ok = parse_flag("verbose", value, &options->verbose, error, error_size);
    } else if (strcmp(key, "accelerate_builtin") == 0) {
      ok = parse_acceleration(key, value, &options->accelerate_builtin, error, error_size);
    } else if (strcmp(key, "chains") == 0) {
      ok = parse_flag(key, value, &options->chains, error, error_size);
    } else {
      snprintf(error, error_size,
               "tfpipeline: there is no option '%.64s'; there are isa, num_threads, "
               "accelerate_builtin, chains and verbose",
               key);
    }
    if (!ok) return false;
  }
  return true;
}
