"""Pairs of products without anything between them, which one op can compute.

That is what a `FactoredDense` layer, or any other matrix written as two factors, becomes in the
converted graph.
"""

from __future__ import annotations

from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS


def find_pairs(graph: FloatGraph) -> dict[int, int]:
    """Map the position of each last factor to that of its first factor.

    A first factor has no bias and no activation, and only the last factor reads its output.
    """
    readers: dict[int, list[int]] = {index: [-1] for index in graph.outputs.values()}
    for position, op in enumerate(graph.operators):
        for index in op.inputs:
            readers.setdefault(index, []).append(position)
    pairs: dict[int, int] = {}
    for first, op in enumerate(graph.operators):
        read_by = readers.get(op.outputs[0], [])
        if first in pairs or not is_plain_product(graph, op) or len(read_by) != 1 or read_by[0] < 0:
            continue
        last = graph.operators[read_by[0]]
        if _is_last(graph, last) and last.inputs[0] == op.outputs[0]:
            pairs[read_by[0]] = first
    return pairs


def _is_last(graph: FloatGraph, op: FloatOperator) -> bool:
    return (
        op.code == "FULLY_CONNECTED"
        and graph.tensors[op.inputs[1]].data is not None
        and op.options.fusedActivationFunction in ACTIVATIONS.values()
        and all(graph.is_constant(index) for index in op.inputs[2:])
    )


def is_plain_product(graph: FloatGraph, op: FloatOperator) -> bool:
    """Return whether an op multiplies with a constant matrix, and does nothing else."""
    return (
        _is_last(graph, op)
        and op.options.fusedActivationFunction == ACTIVATIONS["none"]
        and all(index < 0 for index in op.inputs[2:])
    )
