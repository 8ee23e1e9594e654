/* The elementwise part of an LSTM on int16 numbers, as TensorFlow Lite defines it for its builtin
 * op: custom_ops/spec/builtin_lstm.md. Every `count` is a multiple of TFP_ROW_BLOCK. */
#ifndef TFP_LSTM_S16_H_
#define TFP_LSTM_S16_H_

#include <stddef.h>
#include <stdint.h>

/* A factor: multiplier / 2^31, where the multiplier is 0 or at least 2^30, times 2^left / 2^right,
 * one of which is 1. Both are at most 31. */
typedef struct tfp_fixed_scale {
  int32_t multiplier;
  int32_t left, right;
} tfp_fixed_scale;

/* Of `count` units each, after their functions. */
typedef struct tfp_lstm_s16_gates {
  const int16_t *input; /* NULL: 1 - forget */
  const int16_t *forget;
  const int16_t *candidate;
} tfp_lstm_s16_gates;

/* A layer normalization of one gate whose moments are known. */
typedef struct tfp_lstm_s16_norm {
  const int16_t *weights; /* [count] */
  const int32_t *bias;    /* [count] */
  int32_t mean;           /* 10 fractional bits */
  tfp_fixed_scale inverse, scale;
} tfp_lstm_s16_norm;

typedef struct tfp_lstm_s16_kernels {
  /* gate[i] = added[i] + sums[i] * scale, saturated; `added` NULL: zeros. */
  void (*add_sums)(const int32_t *sums, size_t count, tfp_fixed_scale scale, const int16_t *added,
                   int16_t *gate);
  /* gate[i] += weights[i] * cell[i] * scale, saturated. */
  void (*add_peephole)(const int16_t *weights, const int16_t *cell, size_t count,
                       tfp_fixed_scale scale, int16_t *gate);
  /* The sums of x and of its squares. */
  void (*measure)(const int16_t *x, size_t count, int64_t *sum, int64_t *squares);
  /* gate[i] = ((1024 gate[i] - mean) * inverse * weights[i] + bias[i]) / 1024 * scale, saturated;
   * the product wraps around, halves are rounded away from zero. */
  void (*normalize)(const tfp_lstm_s16_norm *norm, size_t count, int16_t *gate);
  /* In place: 12 fractional bits before, 15 after. */
  void (*sigmoid)(int16_t *x, size_t count);
  /* 15 - bits fractional bits before, 15 after; `bits` from 0 to 6; y may be x. */
  void (*tanh)(const int16_t *x, size_t count, int bits, int16_t *y);
  /* cell = forget * cell / 2^15 + input * candidate / 2^shift, saturated, and within [-clip, clip]
   * where clip > 0. `shift` from 15 to 21. */
  void (*update_cell)(const tfp_lstm_s16_gates *gates, size_t count, int shift, int16_t clip,
                      int16_t *cell);
  /* h[i] = gate[i] * tangent[i] * scale + zero_point, saturated; the scale is at most 1. */
  void (*hidden_state)(const int16_t *gate, const int16_t *tangent, size_t count,
                       tfp_fixed_scale scale, int32_t zero_point, int8_t *h);
} tfp_lstm_s16_kernels;

#endif
