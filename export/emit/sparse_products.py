"""Which dense products our own op computes because it skips their blocks of zeros."""

from __future__ import annotations

import math

from tfpipeline.export.emit.products_of_weights import is_hybrid, weight_bits
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.export.quantize.zero_blocks import pays_without_blocks
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS, MAX_DEPTH, MAX_ROWS

#: Vectors of a call from which on XNNPACK's kernels of dense weights are faster than ours of sparse
#: ones: they are made for matrices.
_MANY_VECTORS = 3


def is_sparse_product(graph: FloatGraph, op: FloatOperator, mode: Mode) -> bool:
    """Return whether an op is a dense layer of 8-bit weights with many 8x4 blocks of zeros.

    And of a vector or two a call, as in streams and behind recurrent layers.
    """
    if op.code != "FULLY_CONNECTED" or not mode.fusable:
        return False
    values = graph.tensors[op.inputs[1]].data
    if values is None or not all(graph.is_constant(index) for index in op.inputs[2:] if index >= 0):
        return False
    rows, depth = values.shape
    vectors = math.prod(graph.tensors[op.inputs[0]].shape[:-1])
    return (
        vectors < _MANY_VECTORS
        and op.options.fusedActivationFunction in ACTIVATIONS.values()
        and rows <= MAX_ROWS
        and depth <= MAX_DEPTH
        and weight_bits(mode, [values]) == 8
        and (mode.activations != FLOAT32 or is_hybrid(op.code, values))
        and pays_without_blocks(values, vectors=vectors)
    )
