/* The delegate as a LiteRT accelerator: how CompiledModel and litert-benchmark get our ops. */
#include "tfp_litert_abi.h"
#include "tfpipeline_ops.h"

static int get_name(void *accelerator, const char **name) {
  (void)accelerator;
  *name = "tfpipeline";
  return kLiteRtStatusOk;
}

static int get_version(void *accelerator, LiteRtApiVersion *version) {
  (void)accelerator;
  *version = (LiteRtApiVersion){.major = 1, .minor = 0, .patch = 0};
  return kLiteRtStatusOk;
}

static int get_hardware_support(void *accelerator, int *hardware) {
  (void)accelerator;
  *hardware = kLiteRtHwAcceleratorCpu | kLiteRtHwAcceleratorGpu;
  return kLiteRtStatusOk;
}

/* "No" makes the runtime apply the delegate to every model, whatever hardware was asked for. */
static int compiles_itself(void *accelerator, bool *answer) {
  (void)accelerator;
  *answer = false;
  return kLiteRtStatusOk;
}

static int create_delegate(LiteRtRuntimeContext *context, void *environment, void *accelerator,
                           void *options, void **wrapper) {
  (void)environment;
  (void)accelerator;
  (void)options;
  if (context == NULL || context->header.major_version != kLiteRtInterfaceMajor ||
      context->header.struct_size < sizeof *context || context->wrap_delegate == NULL) {
    return kLiteRtStatusErrorInvalidArgument;
  }
  TfLiteDelegate *delegate = tfpipeline_delegate_create(NULL, NULL, 0);
  if (delegate == NULL) return kLiteRtStatusErrorRuntimeFailure;
  const int status = context->wrap_delegate(delegate, tfpipeline_delegate_destroy, wrapper);
  if (status != kLiteRtStatusOk) tfpipeline_delegate_destroy(delegate);
  return status;
}

extern TFPIPELINE_EXPORT const LiteRtAcceleratorDef LiteRtAcceleratorImpl;

const LiteRtAcceleratorDef LiteRtAcceleratorImpl = {
    .header = {.struct_size = sizeof(LiteRtAcceleratorDef), .major_version = kLiteRtInterfaceMajor},
    .get_name = get_name,
    .get_version = get_version,
    .get_hardware_support = get_hardware_support,
    .is_tflite_delegate_responsible_for_jit_compilation = compiles_itself,
    .create_delegate = create_delegate,
};
