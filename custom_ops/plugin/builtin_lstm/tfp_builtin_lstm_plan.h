/* What an UNIDIRECTIONAL_SEQUENCE_LSTM node says, read and checked. */
#ifndef TFP_BUILTIN_LSTM_PLAN_H_
#define TFP_BUILTIN_LSTM_PLAN_H_

#include "../../ops/builtin_lstm/tfp_builtin_lstm.h"
#include "../tfp_options.h"
#include "../tfp_tflite_abi.h"

/* Inputs of the node: those of the gates come in the order input, forget, cell, output. */
enum {
  kTfpLstmX = 0,
  kTfpLstmKernel = 1,
  kTfpLstmRecurrent = 5,
  kTfpLstmPeephole = 9, /* none for the cell gate */
  kTfpLstmBias = 12,
  kTfpLstmProjection = 16,
  kTfpLstmProjectionBias = 17,
  kTfpLstmH = 18,
  kTfpLstmCell = 19,
  kTfpLstmNorm = 20,
  kTfpLstmInputs = 24,
  kTfpLstmInputsWithoutNorm = 20,
  kTfpLstmHidden = 4, /* the intermediate that the projection multiplies */
  kTfpLstmIntermediates = 5,
};

/* Indices of the tensors of a node, and its parameters. */
typedef struct tfp_lstm_node {
  const int *inputs, *outputs, *intermediates;
  int input_count, output_count, intermediate_count;
  const TfLiteUnidirectionalSequenceLSTMParams *parameters; /* or NULL */
} tfp_lstm_node;

typedef struct tfp_lstm_plan {
  tfp_lstm_layer layer;
  size_t batch, time;
  bool time_major;
} tfp_lstm_plan;

/* Fills a plan of zeros from a node in the form that our kernels compute bit for bit. On failure
 * writes one sentence and returns false. */
bool tfp_read_builtin_lstm(const TfLiteContext *context, const tfp_lstm_node *node,
                           const tfp_variant *variant, tfp_lstm_plan *plan, char *error,
                           size_t error_size);

/* Whether a node of the runtime is one. */
bool tfp_accelerates_builtin_lstm(TfLiteContext *context, const TfLiteNode *node,
                                  const tfp_options *options, char *error, size_t error_size);

/* The next part of reading: fills the scales of a layer whose arrays are known. */
bool tfp_read_lstm_scales(const TfLiteContext *context, const tfp_lstm_node *node,
                          tfp_lstm_layer *layer, char *error, size_t error_size);

/* The place of gate `gate` among the inputs of the node, and its name. */
int tfp_lstm_input_of(size_t gate);
const char *tfp_lstm_gate_name(size_t gate);

#endif
