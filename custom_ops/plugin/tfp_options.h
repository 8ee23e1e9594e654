/* Options of the plug-in, from the key and value strings of the runtimes. */
#ifndef TFP_OPTIONS_H_
#define TFP_OPTIONS_H_

#include "../kernels/tfp_kernels.h"

enum { TFP_ERROR_BYTES = 320 }; /* of the longest sentence, in all of the plug-in */

/* Builtin nodes of any model that the plug-in takes over. */
typedef enum tfp_acceleration {
  kTfpLeave = 0,
  kTfpFaster, /* those that it runs faster than the runtime, by tfp_fully_connected_gain.h */
  kTfpAll,    /* all that it can run */
} tfp_acceleration;

typedef struct tfp_options {
  const tfp_variant *variant; /* the kernels to use */
  int num_threads;            /* of an op at most, the caller among them */
  tfp_acceleration accelerate_builtin;
  bool chains;  /* runs the builtin nodes around an op with it */
  bool verbose; /* says on standard error which kernel each node got */
} tfp_options;

/* Reads the options; on failure writes one sentence to `error` and returns false. */
bool tfp_options_parse(const char *const *keys, const char *const *values, size_t count,
                       tfp_options *options, char *error, size_t error_size);

/* The defaults: the best kernels, one thread, quiet. */
tfp_options tfp_options_default(void);

#endif
