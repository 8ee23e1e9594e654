/* The part of TensorFlow Lite's C ABI that this plug-in touches.
 *
 * Our own declarations, so that the library needs no header and no symbol of any runtime. The
 * structs are "semi-stable": new fields come only at the end. Layouts are those of
 * tflite-runtime 2.14 and of LiteRT 2.3, which agree; tests/native/test_abi_header.py compares
 * them with the official headers where these are at hand. */
#ifndef TFP_TFLITE_ABI_H_
#define TFP_TFLITE_ABI_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { kTfLiteOk = 0, kTfLiteError = 1, kTfLiteDelegateError = 2 } TfLiteStatus;

typedef enum {
  kTfLiteNoType = 0,
  kTfLiteFloat32 = 1,
  kTfLiteInt32 = 2,
  kTfLiteUInt8 = 3,
  kTfLiteInt64 = 4,
  kTfLiteInt16 = 7,
  kTfLiteInt8 = 9,
  kTfLiteInt4 = 18,
} TfLiteType;

typedef enum { kTfLiteMemNone = 0, kTfLiteMmapRo = 1 } TfLiteAllocationType;
typedef enum { kTfLiteNoQuantization = 0, kTfLiteAffineQuantization = 1 } TfLiteQuantizationType;

enum {
  kTfLiteBuiltinDequantize = 6,
  kTfLiteBuiltinFullyConnected = 9,
  kTfLiteBuiltinCustom = 32,
  kTfLiteBuiltinUnidirectionalSequenceLstm = 44,
  kTfLiteBuiltinDelegate = 51,
  kTfLiteBuiltinQuantize = 114,
  kTfLiteDelegateFlagsAllowDynamicTensors = 1,
  kTfLiteOptionalTensor = -1,
};

typedef struct TfLiteIntArray {
  int size;
  int data[];
} TfLiteIntArray;

typedef struct TfLiteFloatArray {
  int size;
  float data[];
} TfLiteFloatArray;

typedef struct TfLiteQuantizationParams {
  float scale;
  int32_t zero_point;
} TfLiteQuantizationParams;

typedef struct TfLiteQuantization {
  TfLiteQuantizationType type;
  void *params;
} TfLiteQuantization;

typedef struct TfLiteAffineQuantization {
  TfLiteFloatArray *scale;
  TfLiteIntArray *zero_point;
  int32_t quantized_dimension;
} TfLiteAffineQuantization;

typedef enum { kTfLiteDimDense = 0, kTfLiteDimSparseCSR = 1 } TfLiteDimensionType;

typedef struct TfLiteDimensionMetadata {
  TfLiteDimensionType format;
  int dense_size;
  TfLiteIntArray *array_segments;
  TfLiteIntArray *array_indices;
} TfLiteDimensionMetadata;

typedef struct TfLiteSparsity {
  TfLiteIntArray *traversal_order;
  TfLiteIntArray *block_map;
  TfLiteDimensionMetadata *dim_metadata;
  int dim_metadata_size;
} TfLiteSparsity;

struct TfLiteContext;
struct TfLiteDelegate;
struct TfLiteRegistration;

typedef struct TfLiteTensor {
  TfLiteType type;
  void *data;
  TfLiteIntArray *dims;
  TfLiteQuantizationParams params;
  TfLiteAllocationType allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  struct TfLiteDelegate *delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  TfLiteQuantization quantization;
  TfLiteSparsity *sparsity;
  const TfLiteIntArray *dims_signature;
} TfLiteTensor;

typedef struct TfLiteNode {
  TfLiteIntArray *inputs;
  TfLiteIntArray *outputs;
  TfLiteIntArray *intermediates;
  TfLiteIntArray *temporaries;
  void *user_data;
  void *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  struct TfLiteDelegate *delegate;
} TfLiteNode;

typedef struct TfLiteDelegateParams {
  struct TfLiteDelegate *delegate;
  TfLiteIntArray *nodes_to_replace;
  TfLiteIntArray *input_tensors;
  TfLiteIntArray *output_tensors;
} TfLiteDelegateParams;

typedef struct TfLiteRegistration {
  void *(*init)(struct TfLiteContext *context, const char *buffer, size_t length);
  void (*free)(struct TfLiteContext *context, void *buffer);
  TfLiteStatus (*prepare)(struct TfLiteContext *context, TfLiteNode *node);
  TfLiteStatus (*invoke)(struct TfLiteContext *context, TfLiteNode *node);
  const char *(*profiling_string)(const struct TfLiteContext *context, const TfLiteNode *node);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *async_kernel;
  uint64_t inplace_operator;
#if !defined(__arm__) && !defined(_M_ARM) && !defined(__i386__) && !defined(_M_IX86)
  /* The runtime takes this struct by value: zeros here are what a later field would read.
   * Left out where a larger struct would move the arguments after it. */
  uint64_t later_fields[8];
#endif
} TfLiteRegistration;

typedef struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(struct TfLiteContext *context, TfLiteIntArray **plan);
  TfLiteTensor *tensors;
  void *impl_;
  TfLiteStatus (*ResizeTensor)(struct TfLiteContext *context, TfLiteTensor *tensor,
                               TfLiteIntArray *new_size);
  void (*ReportError)(struct TfLiteContext *context, const char *message, ...);
  TfLiteStatus (*AddTensors)(struct TfLiteContext *context, int count, int *first);
  TfLiteStatus (*GetNodeAndRegistration)(struct TfLiteContext *context, int index,
                                         TfLiteNode **node, TfLiteRegistration **registration);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(struct TfLiteContext *context,
                                                        TfLiteRegistration registration,
                                                        const TfLiteIntArray *nodes,
                                                        struct TfLiteDelegate *delegate);
} TfLiteContext;

typedef struct TfLiteDelegate {
  void *data_;
  TfLiteStatus (*Prepare)(TfLiteContext *context, struct TfLiteDelegate *delegate);
  void *CopyFromBufferHandle;
  void *CopyToBufferHandle;
  void *FreeBufferHandle;
  int64_t flags;
  void *opaque_delegate_builder;
} TfLiteDelegate;

/* What builtin_data of a FULLY_CONNECTED node points to. */
typedef struct TfLiteFullyConnectedParams {
  int activation;     /* 0 none, 1 relu, 3 relu6 */
  int weights_format; /* 0: rows of inputs */
  bool keep_num_dims;
  bool asymmetric_quantize_inputs;
} TfLiteFullyConnectedParams;

/* The same of an UNIDIRECTIONAL_SEQUENCE_LSTM. */
typedef struct TfLiteUnidirectionalSequenceLSTMParams {
  int activation; /* not read where numbers are integers */
  float cell_clip;
  float proj_clip;
  bool time_major;
  bool asymmetric_quantize_inputs;
  bool diagonal_recurrent_tensors; /* since 2.12 */
} TfLiteUnidirectionalSequenceLSTMParams;

#define TFP_ABI_AT(type, field, offset64, offset32)                                        \
  _Static_assert(offsetof(type, field) == (sizeof(void *) == 8 ? (offset64) : (offset32)), \
                 #type "." #field " is not where TensorFlow Lite has it")
#define TFP_ABI_SIZE(type, size64)                                \
  _Static_assert(sizeof(void *) != 8 || sizeof(type) == (size64), \
                 #type " has not the size that TensorFlow Lite gives it")

TFP_ABI_AT(TfLiteTensor, data, 8, 4);
TFP_ABI_AT(TfLiteTensor, dims, 16, 8);
TFP_ABI_AT(TfLiteTensor, allocation_type, 32, 20);
TFP_ABI_AT(TfLiteTensor, bytes, 40, 24);
TFP_ABI_AT(TfLiteTensor, name, 56, 32);
TFP_ABI_AT(TfLiteTensor, is_variable, 77, 45);
TFP_ABI_AT(TfLiteTensor, quantization, 80, 48);
TFP_ABI_AT(TfLiteTensor, sparsity, 96, 56);
TFP_ABI_AT(TfLiteTensor, dims_signature, 104, 60);
TFP_ABI_SIZE(TfLiteTensor, 112);
TFP_ABI_AT(TfLiteDimensionMetadata, array_segments, 8, 8);
TFP_ABI_AT(TfLiteDimensionMetadata, array_indices, 16, 12);
TFP_ABI_SIZE(TfLiteDimensionMetadata, 24);
TFP_ABI_AT(TfLiteSparsity, block_map, 8, 4);
TFP_ABI_AT(TfLiteSparsity, dim_metadata, 16, 8);
TFP_ABI_AT(TfLiteSparsity, dim_metadata_size, 24, 12);
TFP_ABI_SIZE(TfLiteSparsity, 32);
TFP_ABI_AT(TfLiteNode, intermediates, 16, 8);
TFP_ABI_AT(TfLiteNode, temporaries, 24, 12);
TFP_ABI_AT(TfLiteNode, user_data, 32, 16);
TFP_ABI_AT(TfLiteNode, builtin_data, 40, 20);
TFP_ABI_AT(TfLiteNode, custom_initial_data, 48, 24);
TFP_ABI_AT(TfLiteNode, custom_initial_data_size, 56, 28);
TFP_ABI_AT(TfLiteContext, tensors, 16, 8);
TFP_ABI_AT(TfLiteContext, ResizeTensor, 32, 16);
TFP_ABI_AT(TfLiteContext, ReportError, 40, 20);
TFP_ABI_AT(TfLiteContext, GetNodeAndRegistration, 56, 28);
TFP_ABI_AT(TfLiteContext, ReplaceNodeSubsetsWithDelegateKernels, 64, 32);
TFP_ABI_AT(TfLiteRegistration, builtin_code, 40, 20);
TFP_ABI_AT(TfLiteRegistration, custom_name, 48, 24);
TFP_ABI_AT(TfLiteRegistration, registration_external, 64, 32);
TFP_ABI_AT(TfLiteRegistration, async_kernel, 72, 36);
TFP_ABI_AT(TfLiteRegistration, inplace_operator, 80, 40);
TFP_ABI_AT(TfLiteUnidirectionalSequenceLSTMParams, cell_clip, 4, 4);
TFP_ABI_AT(TfLiteUnidirectionalSequenceLSTMParams, time_major, 12, 12);
TFP_ABI_SIZE(TfLiteDelegate, 56);
TFP_ABI_SIZE(TfLiteAffineQuantization, 24);

#endif
