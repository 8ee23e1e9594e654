/* A program that uses the plug-in through TensorFlow Lite's C API, as apps in C, C++ and Swift do.
 *
 *   c_api_driver RUNTIME PLUGIN MODEL INPUTS OUTPUTS delegate [KEY=VALUE ...]
 *   c_api_driver RUNTIME PLUGIN MODEL INPUTS OUTPUTS custom_op NAME
 *   c_api_driver RUNTIME PLUGIN MODEL INPUTS OUTPUTS external LIBRARY [KEY=VALUE ...]
 *
 * RUNTIME and PLUGIN are shared libraries; LIBRARY holds the runtime's external delegate, the code
 * behind --external_delegate_path of benchmark_model. INPUTS holds the bytes of all inputs, one
 * after the other; OUTPUTS gets those of all outputs. Prints the runtime's version. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugin/tfp_tflite_abi.h"

enum { kMostOptions = 8, kExternalOptions = 256 };

typedef void object; /* the API's types are opaque */

static void *open_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library != NULL) return library;
  fprintf(stderr, "%s\n", dlerror());
  exit(10);
}

/* Stores the address of a function: C has no cast from data to functions. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  if (address == NULL) {
    fprintf(stderr, "no symbol %s\n", name);
    exit(11);
  }
  memcpy(function, &address, sizeof address);
}

typedef struct api {
  const char *(*version)(void);
  object *(*model)(const char *path);
  object *(*options)(void);
  void (*add_delegate)(object *options, TfLiteDelegate *delegate);
  void (*add_custom_op)(object *options, const char *name, const TfLiteRegistration *registration,
                        int32_t first, int32_t last);
  object *(*interpreter)(const object *model, const object *options);
  TfLiteStatus (*allocate)(object *interpreter);
  int32_t (*inputs)(const object *interpreter);
  TfLiteTensor *(*input)(const object *interpreter, int32_t i);
  TfLiteStatus (*invoke)(object *interpreter);
  int32_t (*outputs)(const object *interpreter);
  const TfLiteTensor *(*output)(const object *interpreter, int32_t i);
  size_t (*bytes)(const TfLiteTensor *tensor);
  void *(*data)(const TfLiteTensor *tensor);
  void (*free_interpreter)(object *interpreter);
  void (*free_options)(object *options);
  void (*free_model)(object *model);
} api;

static api load_api(const char *path) {
  void *library = open_library(path);
  api a;
  find(library, "TfLiteVersion", &a.version);
  find(library, "TfLiteModelCreateFromFile", &a.model);
  find(library, "TfLiteInterpreterOptionsCreate", &a.options);
  find(library, "TfLiteInterpreterOptionsAddDelegate", &a.add_delegate);
  find(library, "TfLiteInterpreterOptionsAddCustomOp", &a.add_custom_op);
  find(library, "TfLiteInterpreterCreate", &a.interpreter);
  find(library, "TfLiteInterpreterAllocateTensors", &a.allocate);
  find(library, "TfLiteInterpreterGetInputTensorCount", &a.inputs);
  find(library, "TfLiteInterpreterGetInputTensor", &a.input);
  find(library, "TfLiteInterpreterInvoke", &a.invoke);
  find(library, "TfLiteInterpreterGetOutputTensorCount", &a.outputs);
  find(library, "TfLiteInterpreterGetOutputTensor", &a.output);
  find(library, "TfLiteTensorByteSize", &a.bytes);
  find(library, "TfLiteTensorData", &a.data);
  find(library, "TfLiteInterpreterDelete", &a.free_interpreter);
  find(library, "TfLiteInterpreterOptionsDelete", &a.free_options);
  find(library, "TfLiteModelDelete", &a.free_model);
  return a;
}

/* What the header of the runtimes' external delegate declares. */
typedef struct external_options {
  const char *library;
  int count;
  const char *keys[kExternalOptions];
  const char *values[kExternalOptions];
  TfLiteStatus (*insert)(struct external_options *options, const char *key, const char *value);
} external_options;

typedef struct pairs {
  const char *keys[kMostOptions], *values[kMostOptions];
  size_t count;
} pairs;

static pairs read_pairs(char **arguments, int count) {
  pairs p = {.count = 0};
  for (int i = 0; i < count && i < kMostOptions; ++i) {
    char *middle = strchr(arguments[i], '=');
    if (middle == NULL) exit(12);
    *middle = '\0';
    p.keys[p.count] = arguments[i];
    p.values[p.count++] = middle + 1;
  }
  return p;
}

static TfLiteDelegate *external_delegate(const char *library, const char *plugin, const pairs *p) {
  external_options (*defaults)(const char *path);
  TfLiteDelegate *(*create)(const external_options *options);
  void *handle = open_library(library);
  find(handle, "TfLiteExternalDelegateOptionsDefault", &defaults);
  find(handle, "TfLiteExternalDelegateCreate", &create);
  static external_options options;
  options = defaults(plugin);
  for (size_t i = 0; i < p->count; ++i) options.insert(&options, p->keys[i], p->values[i]);
  return create(&options);
}

static TfLiteDelegate *own_delegate(void *plugin, const pairs *p) {
  TfLiteDelegate *(*create)(const char *const *keys, const char *const *values, size_t count);
  find(plugin, "tfpipeline_delegate_create", &create);
  return create(p->keys, p->values, p->count);
}

static void copy_inputs(const api *a, object *interpreter, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) exit(13);
  for (int32_t i = 0; i < a->inputs(interpreter); ++i) {
    const TfLiteTensor *tensor = a->input(interpreter, i);
    if (fread(a->data(tensor), 1, a->bytes(tensor), file) != a->bytes(tensor)) exit(14);
  }
  fclose(file);
}

static void copy_outputs(const api *a, object *interpreter, const char *path) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) exit(15);
  for (int32_t i = 0; i < a->outputs(interpreter); ++i) {
    const TfLiteTensor *tensor = a->output(interpreter, i);
    fwrite(a->data(tensor), 1, a->bytes(tensor), file);
  }
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  const api a = load_api(argv[1]);
  void *plugin = open_library(argv[2]);
  const char *way = argv[6];
  puts(a.version());
  object *model = a.model(argv[3]), *options = a.options();
  TfLiteDelegate *delegate = NULL;
  if (strcmp(way, "custom_op") == 0 && argc == 8) {
    TfLiteRegistration *(*registration)(const char *name);
    find(plugin, "tfpipeline_register", &registration);
    const TfLiteRegistration *op = registration(argv[7]);
    if (op == NULL) return 19;
    a.add_custom_op(options, argv[7], op, 1, 1);
  } else {
    const bool external = strcmp(way, "external") == 0 && argc > 7;
    const int first = external ? 8 : 7;
    const pairs p = read_pairs(argv + first, argc - first);
    delegate = external ? external_delegate(argv[7], argv[2], &p) : own_delegate(plugin, &p);
    if (delegate == NULL) return 16;
    a.add_delegate(options, delegate);
  }
  object *interpreter = a.interpreter(model, options);
  if (interpreter == NULL || a.allocate(interpreter) != kTfLiteOk) return 17;
  for (int turn = 0; turn < 2; ++turn) {
    copy_inputs(&a, interpreter, argv[4]);
    if (a.invoke(interpreter) != kTfLiteOk) return 18;
  }
  copy_outputs(&a, interpreter, argv[5]);
  a.free_interpreter(interpreter);
  a.free_options(options);
  a.free_model(model);
  if (delegate != NULL && strcmp(way, "delegate") == 0) {
    void (*destroy)(TfLiteDelegate *);
    find(plugin, "tfpipeline_delegate_destroy", &destroy);
    destroy(delegate);
  }
  return 0;
}
