/* The way of a batch through a layer: groups of sequences walk side by side, and the products of x
 * are formed for several time steps at once. */
#include <string.h>

#include "tfp_builtin_lstm.h"

/* Sequences that walk side by side. */
typedef struct group {
  const tfp_builtin_lstm *op;
  size_t first, count;
  ptrdiff_t x_step; /* from time step to time step */
} group;

/* The weights of the peephole as the runtime applies them to the sequence `b` of `batch`: it reads
 * gates and cells as one array, and as many of its numbers as all sequences have outputs. */
static void place_peephole(const tfp_builtin_lstm *op, size_t b, size_t batch, size_t gate,
                           int16_t *to) {
  const size_t cells = op->layer.cells, outputs = op->layer.outputs;
  const int16_t *from = op->layer.gates[gate].peephole;
  memset(to, 0, op->width * sizeof *to);
  for (size_t i = 0; from != NULL && i < cells; ++i) {
    const size_t at = b * cells + i;
    if (at < batch * outputs) to[i] = from[at % outputs];
  }
}

static int16_t *peephole_of(const tfp_builtin_lstm *op, size_t n, size_t gate) {
  return op->peephole + (n * TFP_LSTM_GATES + gate) * op->width;
}

/* Gate `gate` among those that there are. */
static size_t place_of(const tfp_builtin_lstm *op, size_t gate) {
  return (gate - (TFP_LSTM_GATES - op->gates)) * op->width;
}

static void take_states(const group *g, const tfp_builtin_lstm_io *io) {
  const tfp_builtin_lstm *op = g->op;
  const size_t cells = op->layer.cells, outputs = op->layer.outputs;
  for (size_t n = 0; n < g->count; ++n) {
    const size_t b = g->first + n;
    memcpy(op->h_in + n * op->h_stride, io->h + b * outputs, outputs);
    memcpy(op->cell + n * op->width, io->cell + b * cells, cells * sizeof *op->cell);
    for (size_t gate = 0; op->layer.gates[TFP_LSTM_FORGET].peephole != NULL; ++gate) {
      if (gate == TFP_LSTM_GATES) break;
      const size_t batch = io->time_major ? io->batch : 1;
      place_peephole(op, io->time_major ? b : 0, batch, gate, peephole_of(op, n, gate));
    }
  }
}

static void give_states(const group *g, const tfp_builtin_lstm_io *io) {
  const tfp_builtin_lstm *op = g->op;
  const size_t cells = op->layer.cells, outputs = op->layer.outputs;
  for (size_t n = 0; n < g->count; ++n) {
    const size_t b = g->first + n;
    memcpy(io->h + b * outputs, op->h_in + n * op->h_stride, outputs);
    memcpy(io->cell + b * cells, op->cell + n * op->width, cells * sizeof *op->cell);
  }
}

/* The products of x, scaled, of `steps` time steps of sequence `n`. */
static void multiply_x(const group *g, size_t n, size_t steps, const int8_t *x) {
  const tfp_builtin_lstm *op = g->op;
  const size_t depth = op->layer.input_dim, width = op->width;
  ptrdiff_t stride = g->x_step;
  if (op->x_stride != depth) { /* the last reads would pass the end of the tensor */
    for (size_t s = 0; s < steps; ++s) {
      memcpy(op->padded_x + s * op->x_stride, x + (ptrdiff_t)s * stride, depth);
    }
    x = op->padded_x;
    stride = (ptrdiff_t)op->x_stride;
  }
  tfp_packed_multiply(&op->x, 0, op->x.blocks, steps, x, stride, op->sums, op->rows);
  int16_t *to = op->of_x + n * TFP_MAX_BATCH * op->rows;
  for (size_t s = 0; s < steps; ++s) {
    for (size_t gate = TFP_LSTM_GATES - op->gates; gate < TFP_LSTM_GATES; ++gate) {
      const size_t at = s * op->rows + place_of(op, gate);
      op->variant->lstm_s16->add_sums(op->sums + at, width, op->layer.gates[gate].kernel_scale,
                                      NULL, to + at);
    }
  }
}

static void normalize(const tfp_builtin_lstm *op, size_t gate, int16_t *values) {
  if (op->layer.gates[gate].norm.weights != NULL) tfp_lstm_normalize(op, gate, values);
}

static void look_at_cell(const tfp_builtin_lstm *op, size_t n, size_t gate, int16_t *values) {
  if (op->layer.gates[gate].peephole == NULL) return;
  op->variant->lstm_s16->add_peephole(peephole_of(op, n, gate), op->cell + n * op->width, op->width,
                                      op->layer.gates[gate].peephole_scale, values);
}

/* The cell of sequence `n` after this step, and its hidden state, from the sums of h and of x. */
static void step(const tfp_builtin_lstm *op, size_t n, const int32_t *of_h, const int16_t *of_x,
                 int8_t *hidden) {
  const tfp_lstm_s16_kernels *kernels = op->variant->lstm_s16;
  const size_t width = op->width, first = TFP_LSTM_GATES - op->gates;
  const bool sees_cell = op->layer.gates[TFP_LSTM_OUTPUT].peephole != NULL;
  int16_t *values[TFP_LSTM_GATES] = {NULL}, *cell = op->cell + n * width;
  for (size_t gate = first; gate < TFP_LSTM_GATES; ++gate) {
    const size_t at = place_of(op, gate);
    values[gate] = op->of_gates + at;
    kernels->add_sums(of_h + at, width, op->layer.gates[gate].recurrent_scale, of_x + at,
                      values[gate]);
    /* The output gate sees the new cell. */
    if (gate == TFP_LSTM_OUTPUT && sees_cell) continue;
    look_at_cell(op, n, gate, values[gate]);
    normalize(op, gate, values[gate]);
  }
  int16_t *output = values[TFP_LSTM_OUTPUT], *candidate = values[TFP_LSTM_CANDIDATE];
  kernels->sigmoid(values[first], width * (op->gates - (sees_cell ? 2 : 1)));
  kernels->tanh(candidate, width, 3, candidate);
  const tfp_lstm_s16_gates gates = {values[TFP_LSTM_INPUT], values[TFP_LSTM_FORGET], candidate};
  kernels->update_cell(&gates, width, 15 + op->layer.cell_bits, op->layer.cell_clip, cell);
  if (sees_cell) {
    look_at_cell(op, n, TFP_LSTM_OUTPUT, output);
    normalize(op, TFP_LSTM_OUTPUT, output);
    kernels->sigmoid(output, width);
  }
  int16_t *tangent = op->of_gates + op->rows;
  kernels->tanh(cell, width, op->layer.cell_bits, tangent);
  const int32_t zero_point = op->layer.hidden_zero_point;
  kernels->hidden_state(output, tangent, width, op->layer.hidden_scale,
                        op->layer.projection != NULL ? -zero_point : zero_point, hidden);
}

/* h of the sequences of a group from what `step` left for the projection. */
static void project(const group *g) {
  const tfp_builtin_lstm *op = g->op;
  const tfp_lstm_layer *layer = &op->layer;
  const size_t width = op->projected.blocks * TFP_ROW_BLOCK;
  tfp_packed_multiply(&op->projected, 0, op->projected.blocks, g->count, op->hidden,
                      (ptrdiff_t)op->hidden_stride, op->sums, width);
  /* Numbers of uint8 that are 128 too large. */
  tfp_output_u8 to = {.multiplier = layer->projection_scale.multiplier,
                      .left = layer->projection_scale.left,
                      .right = layer->projection_scale.right,
                      .zero_point = layer->h_zero_point + 128,
                      .low = 0,
                      .high = UINT8_MAX};
  if (layer->h_clip > 0) {
    to.low = 128 - layer->h_clip;
    to.high = 128 + layer->h_clip;
  }
  for (size_t n = 0; n < g->count; ++n) {
    int8_t *h = op->h_in + n * op->h_stride;
    op->variant->output_u8(op->sums + n * width, width, to, (uint8_t *)h);
    for (size_t i = 0; i < layer->outputs; ++i) h[i] = (int8_t)(h[i] ^ INT8_MIN);
  }
}

static void run_group(const group *g, const tfp_builtin_lstm_io *io) {
  const tfp_builtin_lstm *op = g->op;
  const size_t depth = op->layer.input_dim, outputs = op->layer.outputs;
  const size_t sequence = io->time_major ? 1 : io->time, between = io->time_major ? io->batch : 1;
  const bool projects = op->layer.projection != NULL;
  take_states(g, io);
  for (size_t t = 0; t < io->time; ++t) {
    const size_t ready = t % TFP_MAX_BATCH, left = io->time - t;
    for (size_t n = 0; ready == 0 && n < g->count; ++n) {
      const int8_t *x = io->x + ((g->first + n) * sequence + t * between) * depth;
      multiply_x(g, n, left < TFP_MAX_BATCH ? left : TFP_MAX_BATCH, x);
    }
    tfp_packed_multiply(&op->h, 0, op->h.blocks, g->count, op->h_in, (ptrdiff_t)op->h_stride,
                        op->sums, op->rows);
    for (size_t n = 0; n < g->count; ++n) {
      step(op, n, op->sums + n * op->rows, op->of_x + (n * TFP_MAX_BATCH + ready) * op->rows,
           projects ? op->hidden + n * op->hidden_stride : op->h_in + n * op->h_stride);
    }
    if (projects) project(g);
    for (size_t n = 0; io->y != NULL && n < g->count; ++n) {
      memcpy(io->y + ((g->first + n) * sequence + t * between) * outputs,
             op->h_in + n * op->h_stride, outputs);
    }
  }
  give_states(g, io);
}

void tfp_builtin_lstm_run(const tfp_builtin_lstm *op, const tfp_builtin_lstm_io *io) {
  TFP_ASSERT(io->batch > 0 && io->time > 0 && io->x != NULL && io->h != NULL && io->cell != NULL);
  const size_t between = io->time_major ? io->batch : 1;
  for (size_t first = 0; first < io->batch; first += op->most_at_once) {
    const size_t left = io->batch - first;
    const group g = {op, first, left < op->most_at_once ? left : op->most_at_once,
                     (ptrdiff_t)(between * op->layer.input_dim)};
    run_group(&g, io);
  }
}
