"""Hard thresholding of Keras kernels, inside a graph."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from tfpipeline.numerics.hard_threshold import Block, gate_blocks, threshold_index


def kept_weights(kernel: Any, density: float, block: Block | None = None, gates: int = 1) -> Any:
    """Return which weights of a kernel a projection keeps; see `hard_threshold_mask`.

    Args:
        kernel: `(..., inputs, outputs)`, a tensor; all axes but the last are the inputs of a block,
            as in the `[rows, depth]` of a `.tflite` file.
        density: share that is kept, in (0, 1].
        block: `(outputs, inputs)` of the blocks, or None.
        gates: equal parts of the outputs that share no block.
    """
    if block is None:
        return _reach_threshold(ops.abs(kernel), math.prod(kernel.shape), density)
    shape = tuple(kernel.shape)
    depth, rows = math.prod(shape[:-1]), shape[-1]
    units = rows // gates
    (row_blocks, input_blocks), filled = gate_blocks(rows, depth, block, gates)
    weights = ops.reshape(ops.cast(kernel, "float32"), (depth, gates, units))
    weights = ops.pad(weights, ((0, filled[1] - depth), (0, 0), (0, filled[0] - units)))
    parts = ops.reshape(weights, (input_blocks, block[1], gates, row_blocks, block[0]))
    energies = ops.sum(ops.square(parts), axis=(1, 4), keepdims=True)
    kept = _reach_threshold(energies, input_blocks * gates * row_blocks, density)
    whole = ops.broadcast_to(kept, parts.shape)
    whole = ops.reshape(whole, (filled[1], gates, filled[0]))
    return ops.reshape(whole[:depth, :, :units], shape)


def _reach_threshold(scores: Any, count: int, density: float) -> Any:
    """Return which of the scores are among the largest.

    The bits of floats that are not negative, read as integers, are in the order of the floats. So
    the threshold is found bit by bit, by counting: 31 passes, a fraction of what sorting costs.
    """
    bits = ops.view(ops.cast(scores, "float32"), "int32")
    kept = count - threshold_index(count, density)

    def next_bit(passed: Any, threshold: Any) -> Any:
        higher = threshold + ops.left_shift(ops.ones((), "int32"), 30 - passed)
        reach = ops.sum(ops.cast(bits >= higher, "int32"))
        return ops.where(reach >= kept, higher, threshold)

    return bits >= ops.fori_loop(0, 31, next_bit, ops.zeros((), "int32"))
