/* The part of LiteRT's accelerator interface that this plug-in touches.
 *
 * Our own declarations, of LiteRT 2.2 and later (major version 1 of its interface): the runtime
 * loads a library, reads the exported LiteRtAcceleratorImpl, and asks it for a delegate. Earlier
 * versions laid it out differently; they carry no such header, and are refused. */
#ifndef TFP_LITERT_ABI_H_
#define TFP_LITERT_ABI_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfp_tflite_abi.h"

enum {
  kLiteRtStatusOk = 0,
  kLiteRtStatusErrorInvalidArgument = 1,
  kLiteRtStatusErrorRuntimeFailure = 3,
  kLiteRtHwAcceleratorCpu = 1,
  kLiteRtHwAcceleratorGpu = 2,
  kLiteRtInterfaceMajor = 1,
};

typedef struct LiteRtAbiHeader {
  uint16_t struct_size;
  uint16_t major_version;
  uint16_t minor_version;
  uint16_t reserved;
} LiteRtAbiHeader;

typedef struct LiteRtApiVersion {
  int major;
  int minor;
  int patch;
} LiteRtApiVersion;

/* The runtime's functions for accelerators; those before wrap_delegate are not used here. */
typedef struct LiteRtRuntimeContext {
  LiteRtAbiHeader header;
  void *unused[17];
  int (*wrap_delegate)(TfLiteDelegate *delegate, void (*deleter)(TfLiteDelegate *), void **wrapper);
} LiteRtRuntimeContext;

typedef struct LiteRtAcceleratorDef {
  LiteRtAbiHeader header;
  int (*get_name)(void *accelerator, const char **name);
  int (*get_version)(void *accelerator, LiteRtApiVersion *version);
  int (*get_hardware_support)(void *accelerator, int *hardware);
  int (*is_tflite_delegate_responsible_for_jit_compilation)(void *accelerator, bool *answer);
  int (*create_delegate)(LiteRtRuntimeContext *context, void *environment, void *accelerator,
                         void *options, void **wrapper);
  void *metrics_and_buffers[19]; /* of hardware with memory of its own: none of it here */
} LiteRtAcceleratorDef;

_Static_assert(sizeof(void *) != 8 || sizeof(LiteRtAcceleratorDef) == 200,
               "LiteRtAcceleratorDef has not the size that LiteRT gives it");
_Static_assert(sizeof(void *) != 8 || offsetof(LiteRtRuntimeContext, wrap_delegate) == 144,
               "LiteRtRuntimeContext.wrap_delegate is not where LiteRT has it");

#endif
