#include "tfp_builtin_lstm.h"

#include <string.h>

#include "../../kernels/common/tfp_target.h"

static size_t round_up(size_t value, size_t block) {
  return (value + block - 1) / block * block;
}

static bool has_peephole(const tfp_lstm_layer *layer) {
  return layer->gates[TFP_LSTM_FORGET].peephole != NULL;
}

/* Sizes, and memory where there is some. */
TFP_NOINLINE static tfp_builtin_lstm lay_out(const tfp_variant *variant,
                                             const tfp_lstm_layer *layer, size_t batch,
                                             tfp_arena *arena) {
  static const tfp_weight_format bytes = {.bits = 8};
  const size_t blocks = (layer->cells + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
  tfp_builtin_lstm op = {
      .variant = variant,
      .layer = *layer,
      .gates = layer->gates[TFP_LSTM_INPUT].kernel != NULL ? 4 : 3,
      .width = blocks * TFP_ROW_BLOCK,
      .most_at_once = batch < TFP_MAX_BATCH ? batch : TFP_MAX_BATCH,
  };
  const size_t together = op.most_at_once, block = variant->s8.depth_block;
  op.rows = op.gates * op.width;
  op.x = tfp_packed_layout(variant, &bytes, layer->input_dim, op.gates * blocks, arena);
  op.h = tfp_packed_layout(variant, &bytes, layer->outputs, op.gates * blocks, arena);
  size_t sums = op.rows, h_width = op.width;
  if (layer->projection != NULL) {
    const size_t output_blocks = (layer->outputs + TFP_ROW_BLOCK - 1) / TFP_ROW_BLOCK;
    op.projected = tfp_packed_layout(variant, &bytes, layer->cells, output_blocks, arena);
    h_width = output_blocks * TFP_ROW_BLOCK;
    if (h_width > sums) sums = h_width;
    op.hidden_stride = round_up(op.width, block);
    op.hidden = tfp_arena_take(arena, op.hidden_stride, together);
  }
  op.x_stride = round_up(layer->input_dim, block);
  op.padded_x = tfp_arena_take(arena, op.x_stride, TFP_MAX_BATCH);
  op.h_stride = round_up(h_width, block);
  op.h_in = tfp_arena_take(arena, op.h_stride, together);
  op.sums = tfp_arena_take(arena, sums, TFP_MAX_BATCH * sizeof(int32_t));
  op.of_x = tfp_arena_take(arena, op.rows, together * TFP_MAX_BATCH * sizeof(int16_t));
  op.of_gates = tfp_arena_take(arena, op.rows + op.width, sizeof(int16_t));
  op.cell = tfp_arena_take(arena, op.width, together * sizeof(int16_t));
  const size_t norm = layer->gates[TFP_LSTM_FORGET].norm.weights != NULL ? TFP_LSTM_GATES : 0;
  op.norm_weights = tfp_arena_take(arena, op.width, norm * sizeof(int16_t));
  op.norm_biases = tfp_arena_take(arena, op.width, norm * sizeof(int32_t));
  const size_t peephole = has_peephole(layer) ? together * TFP_LSTM_GATES : 0;
  op.peephole = tfp_arena_take(arena, op.width, peephole * sizeof(int16_t));
  return op;
}

/* Packs all rows of a matrix from block `block` on; returns the block behind. Sums begin with the
 * bias, if there is one, and wrap around. */
TFP_NOINLINE static size_t pack(const tfp_packed *packed, size_t block, const int8_t *weights,
                                size_t rows, int32_t zero_point, const int32_t *bias) {
  for (size_t row = 0; row < rows; row += TFP_ROW_BLOCK, ++block) {
    const size_t count = rows - row < TFP_ROW_BLOCK ? rows - row : TFP_ROW_BLOCK;
    int32_t *starts =
        tfp_packed_put(packed, block, weights + row * packed->depth, count, zero_point);
    for (size_t i = 0; bias != NULL && i < count; ++i) {
      starts[i] = (int32_t)((uint32_t)starts[i] + (uint32_t)bias[row + i]);
    }
  }
  return block;
}

uint64_t tfp_builtin_lstm_bytes(const tfp_variant *variant, const tfp_lstm_layer *layer,
                                size_t batch) {
  tfp_arena arena = {NULL, 0};
  lay_out(variant, layer, batch, &arena);
  return arena.used;
}

void tfp_builtin_lstm_prepare(tfp_builtin_lstm *op, const tfp_variant *variant,
                              const tfp_lstm_layer *layer, size_t batch, void *memory) {
  TFP_ASSERT(layer->input_dim > 0 && layer->cells > 0 && layer->outputs > 0 && batch > 0);
  TFP_ASSERT(layer->projection != NULL || layer->outputs == layer->cells);
  TFP_ASSERT(layer->cell_bits >= 0 && layer->cell_bits <= 6);
  tfp_arena arena = {memory, 0};
  *op = lay_out(variant, layer, batch, &arena);
  memset(memory, 0, (size_t)arena.used);
  size_t block_x = 0, block_h = 0;
  for (size_t i = 0; i < TFP_LSTM_GATES; ++i) {
    const tfp_lstm_gate *gate = &layer->gates[i];
    if (gate->kernel == NULL) continue;
    block_x = pack(&op->x, block_x, gate->kernel, layer->cells, layer->x_zero_point, gate->bias);
    block_h = pack(&op->h, block_h, gate->recurrent, layer->cells, layer->h_zero_point, NULL);
    if (gate->norm.weights == NULL) continue;
    int16_t *weights = op->norm_weights + i * op->width;
    memcpy(weights, gate->norm.weights, layer->cells * sizeof *weights);
    memcpy(op->norm_biases + i * op->width, gate->norm.bias, layer->cells * sizeof(int32_t));
  }
  TFP_ASSERT(block_x * TFP_ROW_BLOCK == op->rows && block_h == block_x);
  if (layer->projection == NULL) return;
  /* The runtime takes the zero point with the other sign. */
  pack(&op->projected, 0, layer->projection, layer->outputs, -layer->hidden_zero_point,
       layer->projection_bias);
}
