/* The factors between the numbers of an UNIDIRECTIONAL_SEQUENCE_LSTM, in the order of float32
 * operations in which the runtime computes them: custom_ops/spec/builtin_lstm.md. */
#include <stdio.h>
#include <string.h>

#include "../../kernels/common/tfp_target.h"
#include "../../ops/common/tfp_fixed_scale.h"
#include "../tfp_tensor.h"
#include "tfp_builtin_lstm_plan.h"

#define STOP(s, ...) return snprintf((s)->error, (s)->error_size, __VA_ARGS__), false

/* The shifts of 12 bits behind a normalization must not pass 31. */
enum { kMostNormShift = 18 };

typedef struct scales {
  const TfLiteContext *context;
  const tfp_lstm_node *node;
  tfp_lstm_layer *layer;
  float x, h, cell, hidden;
  char *error;
  size_t error_size;
} scales;

/* The scale of a tensor, and its zero point where that is asked for. */
TFP_NOINLINE static bool read(const scales *s, int index, const char *gate, const char *name,
                              float *scale, int32_t *zero_point) {
  const TfLiteTensor *t = tfp_tensor_at(s->context, index);
  const TfLiteAffineQuantization *q = t != NULL ? tfp_per_tensor_quantization(t) : NULL;
  if (q == NULL) STOP(s, "%s%s must have one scale and one zero point", gate, name);
  *scale = q->scale->data[0];
  /* Also false for what is not a number. */
  if (!(*scale > 0.0f && *scale < 0x1p40f)) {
    STOP(s, "%s%s must have a scale within (0, 2^40); got %g", gate, name, (double)*scale);
  }
  if (zero_point == NULL) return true;
  *zero_point = q->zero_point->data[0];
  if (*zero_point < INT8_MIN || *zero_point > INT8_MAX) {
    STOP(s, "%s%s must have a zero point within [-128, 127]; got %ld", gate, name,
         (long)*zero_point);
  }
  return true;
}

TFP_NOINLINE static bool convert(const scales *s, double factor, const char *gate, const char *name,
                                 tfp_fixed_scale *to) {
  if (tfp_fixed_scale_of(factor, to)) return true;
  STOP(s, "%s%s must have a scale below 2^30 times that of their sums; got %g times", gate, name,
       factor);
}

/* A power of two from 2^-15 to 2^-9: the bits before the point, 0 to 6. */
static bool read_cell_bits(const scales *s) {
  uint32_t bits;
  memcpy(&bits, &s->cell, sizeof bits);
  s->layer->cell_bits = (int)(bits >> 23) - 127 + 15;
  if ((bits & 0x7fffff) == 0 && s->layer->cell_bits >= 0 && s->layer->cell_bits <= 6) return true;
  STOP(s, "the cell state must have a power of two from 2^-15 to 2^-9 as its scale; got %g",
       (double)s->cell);
}

static bool read_norm(const scales *s, size_t i, int place) {
  tfp_lstm_norm *norm = &s->layer->gates[i].norm;
  const char *name = tfp_lstm_gate_name(i);
  float scale;
  if (!read(s, place, name, " gate's normalization weights", &scale, NULL) ||
      !convert(s, (double)scale, name, " gate's normalization weights", &norm->scale)) {
    return false;
  }
  const int shift = norm->scale.left - norm->scale.right;
  if (shift > kMostNormShift || scale > 0x1p17f) {
    STOP(s, "%s gate's normalization weights must have a scale below 2^17; got %g", name,
         (double)scale);
  }
  norm->scale.left = shift + 12 > 0 ? shift + 12 : 0;
  norm->scale.right = shift + 12 > 0 ? 0 : -shift - 12;
  const float guard = 10000.0f * scale;
  norm->least_variance = guard < 1.0f ? 1 : (int32_t)guard;
  return true;
}

static bool read_gate(const scales *s, size_t i) {
  tfp_lstm_gate *gate = &s->layer->gates[i];
  const int at = tfp_lstm_input_of(i), *inputs = s->node->inputs;
  const char *name = tfp_lstm_gate_name(i);
  float of_sums = 0x1p-12f, kernel, recurrent, peephole;
  if (gate->norm.weights != NULL &&
      (!read(s, s->node->intermediates[at], name, " gate's intermediate", &of_sums, NULL) ||
       !read_norm(s, i, inputs[kTfpLstmNorm + at]))) {
    return false;
  }
  if (!read(s, inputs[kTfpLstmKernel + at], name, " gate's weights", &kernel, NULL) ||
      !read(s, inputs[kTfpLstmRecurrent + at], name, " gate's recurrent weights", &recurrent,
            NULL) ||
      !convert(s, (double)(kernel * s->x / of_sums), name, " gate's weights",
               &gate->kernel_scale) ||
      !convert(s, (double)(recurrent * s->h / of_sums), name, " gate's recurrent weights",
               &gate->recurrent_scale)) {
    return false;
  }
  if (gate->peephole == NULL) return true;
  const int place = kTfpLstmPeephole + (i == TFP_LSTM_OUTPUT ? 2 : at);
  if (!read(s, inputs[place], name, " gate's peephole weights", &peephole, NULL)) return false;
  const double factor = (double)s->cell * (double)peephole / (double)of_sums;
  return convert(s, (double)(float)factor, name, " gate's peephole weights", &gate->peephole_scale);
}

/* The numbers of `clip` in steps of `scale`, at most `most`; 0 for none. */
static int32_t steps_of(float clip, float scale, float most) {
  const float steps = clip / scale;
  return (int32_t)(steps < most ? steps : most);
}

static bool read_clips(const scales *s) {
  const TfLiteUnidirectionalSequenceLSTMParams *parameters = s->node->parameters;
  float y;
  if (!(parameters->cell_clip >= 0.0f && parameters->proj_clip >= 0.0f)) {
    STOP(s, "clips of %g and %g must not be negative", (double)parameters->cell_clip,
         (double)parameters->proj_clip);
  }
  if (!read(s, s->node->outputs[0], "", "y", &y, NULL)) return false;
  s->layer->cell_clip = (int16_t)steps_of(parameters->cell_clip, s->cell, 32767.0f);
  s->layer->h_clip = (int8_t)steps_of(parameters->proj_clip, y, 127.0f);
  return true;
}

static bool read_output(const scales *s) {
  tfp_lstm_layer *layer = s->layer;
  const double hidden = 0x1p-15 / (double)s->hidden * 0x1p-15;
  if (!convert(s, (double)(float)hidden, "", "hidden units", &layer->hidden_scale)) return false;
  if (layer->hidden_scale.left > 0)
    STOP(s, "hidden units must have a scale above 2^-30; got %g", (double)s->hidden);
  if (layer->projection == NULL) return true;
  float weights;
  return read(s, s->node->inputs[kTfpLstmProjection], "", "projection weights", &weights, NULL) &&
         convert(s, (double)(weights * s->hidden / s->h), "", "projection weights",
                 &layer->projection_scale);
}

bool tfp_read_lstm_scales(const TfLiteContext *context, const tfp_lstm_node *node,
                          tfp_lstm_layer *layer, char *error, size_t error_size) {
  scales s = {
      .context = context, .node = node, .layer = layer, .error = error, .error_size = error_size};
  const int *inputs = node->inputs, hidden = node->intermediates[kTfpLstmHidden];
  if (!read(&s, inputs[kTfpLstmX], "", "x", &s.x, &layer->x_zero_point) ||
      !read(&s, inputs[kTfpLstmH], "", "the output state", &s.h, &layer->h_zero_point) ||
      !read(&s, inputs[kTfpLstmCell], "", "the cell state", &s.cell, NULL) ||
      !read(&s, hidden, "", "the hidden intermediate", &s.hidden, &layer->hidden_zero_point) ||
      !read_cell_bits(&s) || !read_clips(&s) || !read_output(&s)) {
    return false;
  }
  for (size_t i = 0; i < TFP_LSTM_GATES; ++i) {
    if (layer->gates[i].kernel != NULL && !read_gate(&s, i)) return false;
  }
  return true;
}
