/* QUANTIZE of float32 and DEQUANTIZE of int8, few values of one scale each. */
#ifndef TFP_QUANTIZE_NODE_H_
#define TFP_QUANTIZE_NODE_H_

#include "../tfp_check.h"

enum {
  TFP_QUANTIZE_MAX_RANK = 8,
  /* With more of them the call of a node is little, and the runtime's vectors are wider. */
  TFP_QUANTIZE_MAX_COUNT = 1024,
};

extern const tfp_node_kind tfp_quantize_kind;
extern const tfp_node_kind tfp_dequantize_kind;

/* Whether a QUANTIZE node, or else a DEQUANTIZE node, is of this kind. */
bool tfp_quantize_is_read(const TfLiteContext *context, const TfLiteNode *node, bool quantizes);

#endif
