"""Which dense products our own op computes because it skips their blocks of zeros."""

from __future__ import annotations

from tfpipeline.export.emit.products_of_weights import is_hybrid, weight_bits
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.export.quantize.zero_blocks import pays_without_blocks
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS, MAX_DEPTH, MAX_ROWS


def is_sparse_product(graph: FloatGraph, op: FloatOperator, mode: Mode) -> bool:
    """Return whether an op is a dense layer of 8-bit weights with many 8x4 blocks of zeros."""
    if op.code != "FULLY_CONNECTED" or not mode.fusable:
        return False
    values = graph.tensors[op.inputs[1]].data
    if values is None or not all(graph.is_constant(index) for index in op.inputs[2:] if index >= 0):
        return False
    rows, depth = values.shape
    return (
        op.options.fusedActivationFunction in ACTIVATIONS.values()
        and rows <= MAX_ROWS
        and depth <= MAX_DEPTH
        and weight_bits(mode, [values]) == 8
        and (mode.activations != FLOAT32 or is_hybrid(op.code, values))
        and pays_without_blocks(values)
    )
