/* What libtfpipeline_ops exports. TfLiteDelegate and TfLiteRegistration are the runtime's own
 * structs; include the runtime's headers, or leave the forward declarations below as they are. */
#ifndef TFPIPELINE_OPS_H_
#define TFPIPELINE_OPS_H_

#include <stddef.h>

#if defined(_WIN32)
#define TFPIPELINE_EXPORT __declspec(dllexport)
#else
#define TFPIPELINE_EXPORT __attribute__((visibility("default")))
#endif

#define TFPIPELINE_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

struct TfLiteDelegate;
struct TfLiteRegistration;
struct tfp_variant;

/* What load_delegate() of the Python packages and --external_delegate_path call. Options: isa,
 * num_threads, accelerate_builtin, chains, verbose. Returns NULL after `report_error` got one
 * sentence. */
TFPIPELINE_EXPORT struct TfLiteDelegate *tflite_plugin_create_delegate(
    char **keys, char **values, size_t count, void (*report_error)(const char *));
TFPIPELINE_EXPORT void tflite_plugin_destroy_delegate(struct TfLiteDelegate *delegate);

/* The same for C, C++, JNI and Swift; errors go to standard error. */
TFPIPELINE_EXPORT struct TfLiteDelegate *tfpipeline_delegate_create(const char *const *keys,
                                                                    const char *const *values,
                                                                    size_t count);
TFPIPELINE_EXPORT void tfpipeline_delegate_destroy(struct TfLiteDelegate *delegate);

/* The names of our ops, "tfpipeline.gru" for one, and the name past their end is NULL. */
TFPIPELINE_EXPORT size_t tfpipeline_op_count(void);
TFPIPELINE_EXPORT const char *tfpipeline_op_name(size_t index);

/* The registration of the op called `name`, for builds that have their own op resolver, or NULL
 * where there is no such op. It stays valid, and is to be registered under that name:
 *   TfLiteInterpreterOptionsAddCustomOp(options, name, tfpipeline_register(name), 1, 1);
 * One thread, and the kernels of isa=auto. */
TFPIPELINE_EXPORT struct TfLiteRegistration *tfpipeline_register(const char *name);

/* The same for the ops that had a function of their own before; newer ones have none. */
TFPIPELINE_EXPORT struct TfLiteRegistration *tfpipeline_register_gru(void);
TFPIPELINE_EXPORT struct TfLiteRegistration *tfpipeline_register_lstm(void);
TFPIPELINE_EXPORT struct TfLiteRegistration *tfpipeline_register_fully_connected(void);
TFPIPELINE_EXPORT struct TfLiteRegistration *tfpipeline_register_factored_fully_connected(void);

/* Changes when a function here, or an op's meaning, changes incompatibly. */
TFPIPELINE_EXPORT int tfpipeline_abi_version(void);
TFPIPELINE_EXPORT const char *tfpipeline_version(void);
/* The kernels that isa=auto chooses on this machine: "c", "avx2", "avxvnni", ... */
TFPIPELINE_EXPORT const char *tfpipeline_best_isa(void);

/* For tests and benchmarks, without promise of stability: the four bytes with which an op's options
 * begin (NULL past the last op), the table of kernels (NULL past its end), and recurrent ops,
 * "tfpipeline.gru" for one, on raw pointers. `weights` is a tfp_recurrent_weights, `io` a
 * tfp_recurrent_io, `parallel` a tfp_parallel or NULL. */
TFPIPELINE_EXPORT const char *tfpipeline_op_magic(size_t index);
TFPIPELINE_EXPORT const struct tfp_variant *tfpipeline_kernel_variant(size_t index);
TFPIPELINE_EXPORT void *tfpipeline_recurrent_create(const char *name, const char *isa,
                                                    const void *options, size_t options_size,
                                                    const void *weights, char *error,
                                                    size_t error_size);
TFPIPELINE_EXPORT void tfpipeline_recurrent_run(void *op, const void *io, const void *parallel);
TFPIPELINE_EXPORT void tfpipeline_recurrent_destroy(void *op);

#ifdef __cplusplus
}
#endif

#endif
