/* Times Invoke of .tflite files through TensorFlow Lite's C API, as an app calls it: no Python, no
 * copies of inputs.
 *
 *   c_calls RUNTIME PLUGIN ROUNDS REPEATS [OPTION=VALUE...] -- FILE...
 *
 * RUNTIME is a libtensorflowlite_c, PLUGIN our library or "-" for none. Prints the nanoseconds of a
 * call, one line a round and a number a file; files take turns within every round. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../plugin/tfpipeline_ops.h"

enum { kMost = 16 };

/* Of the runtime; `make` are those that give an object. */
static void *(*model_from_file)(const char *);
static void *(*options_create)(void);
static void (*options_set_threads)(void *, int);
static void (*options_add_delegate)(void *, struct TfLiteDelegate *);
static void *(*interpreter_create)(const void *, const void *);
static int (*allocate)(void *);
static int (*invoke)(void *);
static int (*input_count)(const void *);
static void *(*input)(const void *, int);
static void *(*tensor_data)(const void *);
static size_t (*tensor_bytes)(const void *);
static struct TfLiteDelegate *(*delegate_create)(const char *const *, const char *const *, size_t);

static void *open_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library != NULL) return library;
  fprintf(stderr, "%s\n", dlerror());
  exit(2);
}

/* Stores an address in a function pointer, which ISO C has no cast for. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  if (address == NULL) {
    fprintf(stderr, "no %s in the library\n", name);
    exit(2);
  }
  memcpy(function, &address, sizeof address);
}

static void open_runtime(const char *path) {
  void *library = open_library(path);
  find(library, "TfLiteModelCreateFromFile", &model_from_file);
  find(library, "TfLiteInterpreterOptionsCreate", &options_create);
  find(library, "TfLiteInterpreterOptionsSetNumThreads", &options_set_threads);
  find(library, "TfLiteInterpreterOptionsAddDelegate", &options_add_delegate);
  find(library, "TfLiteInterpreterCreate", &interpreter_create);
  find(library, "TfLiteInterpreterAllocateTensors", &allocate);
  find(library, "TfLiteInterpreterInvoke", &invoke);
  find(library, "TfLiteInterpreterGetInputTensorCount", &input_count);
  find(library, "TfLiteInterpreterGetInputTensor", &input);
  find(library, "TfLiteTensorData", &tensor_data);
  find(library, "TfLiteTensorByteSize", &tensor_bytes);
}

/* Numbers other than zero: runtimes leave out the products of a vector of zeros. */
static void fill(float *values, size_t count) {
  for (size_t i = 0; i < count; ++i) values[i] = 0.1f * (float)((i * 37) % 21) - 1.05f;
}

static void *load(const char *path, const char *const *keys, const char *const *values,
                  size_t count) {
  void *options = options_create();
  options_set_threads(options, 1);
  if (delegate_create != NULL) options_add_delegate(options, delegate_create(keys, values, count));
  void *model = model_from_file(path);
  void *made = model != NULL ? interpreter_create(model, options) : NULL;
  if (made == NULL || allocate(made) != 0) {
    fprintf(stderr, "%s cannot be run\n", path);
    exit(1);
  }
  for (int i = 0; i < input_count(made); ++i) {
    fill(tensor_data(input(made, i)), tensor_bytes(input(made, i)) / sizeof(float));
  }
  return made;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  open_runtime(argv[1]);
  if (strcmp(argv[2], "-") != 0) {
    find(open_library(argv[2]), "tfpipeline_delegate_create", &delegate_create);
  }
  const long rounds = strtol(argv[3], NULL, 10), repeats = strtol(argv[4], NULL, 10);
  const char *keys[kMost], *values[kMost];
  size_t options = 0;
  int at = 5;
  for (; at < argc && strcmp(argv[at], "--") != 0 && options < kMost; ++at, ++options) {
    char *equals = strchr(argv[at], '=');
    if (equals == NULL) return 2;
    *equals = '\0';
    keys[options] = argv[at];
    values[options] = equals + 1;
  }
  void *made[kMost];
  int files = 0;
  for (++at; at < argc && files < kMost; ++at) {
    made[files++] = load(argv[at], keys, values, options);
  }
  for (long round = 0; round < rounds; ++round) {
    for (int i = 0; i < files; ++i) {
      const double start = now();
      for (long k = 0; k < repeats; ++k) {
        if (invoke(made[i]) != 0) return 1;
      }
      printf("%.2f%c", (now() - start) / (double)repeats, i + 1 < files ? ' ' : '\n');
    }
  }
  return 0;
}
