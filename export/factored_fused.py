"""Lowers two dense products without anything between them to one custom op.

That is what a `FactoredDense` layer, or any other matrix written as two factors, becomes in the
converted graph. The spec of the op: custom_ops/spec/factored_fully_connected.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfpipeline.export.flatbuffer import FloatGraph, FloatOperator, Quantization
from tfpipeline.export.int8_ops import int32_bias, reshape
from tfpipeline.export.recurrent_plan import quantize_rows
from tfpipeline.numerics.factored_options import OP_NAME, FactoredOptions
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS

if TYPE_CHECKING:
    from tfpipeline.export.lower import Lowering

_NAMES = {number: name for name, number in ACTIVATIONS.items()}


def find_pairs(graph: FloatGraph) -> dict[int, int]:
    """Maps the position of each last factor to that of its first factor.

    A first factor has no bias and no activation, and only the last factor reads its output.
    """
    readers: dict[int, list[int]] = {index: [-1] for index in graph.outputs.values()}
    for position, op in enumerate(graph.operators):
        for index in op.inputs:
            readers.setdefault(index, []).append(position)
    pairs: dict[int, int] = {}
    for first, op in enumerate(graph.operators):
        read_by = readers.get(op.outputs[0], [])
        if first in pairs or not _is_first(graph, op) or len(read_by) != 1 or read_by[0] < 0:
            continue
        last = graph.operators[read_by[0]]
        if _is_last(graph, last) and last.inputs[0] == op.outputs[0]:
            pairs[read_by[0]] = first
    return pairs


def _is_last(graph: FloatGraph, op: FloatOperator) -> bool:
    return (
        op.code == "FULLY_CONNECTED"
        and graph.tensors[op.inputs[1]].data is not None
        and op.options.fusedActivationFunction in _NAMES
        and all(graph.is_constant(index) for index in op.inputs[2:])
    )


def _is_first(graph: FloatGraph, op: FloatOperator) -> bool:
    return (
        _is_last(graph, op)
        and op.options.fusedActivationFunction == ACTIVATIONS["none"]
        and all(index < 0 for index in op.inputs[2:])
    )


def lower_pair(lowering: Lowering, first: FloatOperator, last: FloatOperator) -> None:
    """Adds the op; its weights, scales and bits are those of the two ops of the portable form."""
    source, graph = lowering.source, lowering.graph
    x, output = first.inputs[0], last.outputs[0]
    inner = lowering.quantization(first.outputs[0])
    matrices = (source.tensors[op.inputs[1]].data for op in (first, last))
    factors = [quantize_rows(matrix) for matrix in matrices if matrix is not None]
    name = lowering.name(output)
    weights = [
        graph.constant(
            f"{name}/factors/{number}", matrix.values, Quantization.per_channel(matrix.scales)
        )
        for number, matrix in enumerate(factors)
    ]
    index = last.inputs[2] if len(last.inputs) > 2 else -1
    bias = source.tensors[index].data if index >= 0 else None
    stored, levels = int32_bias(bias, inner.scales()[0], factors[1].scales)
    rank, depth = factors[0].values.shape
    options = FactoredOptions(
        rows=len(factors[1].values),
        depth=depth,
        rank=rank,
        activation=_NAMES[last.options.fusedActivationFunction],
        inner_scale=inner.scales()[0],
        inner_zero_point=inner.zero_point,
    )
    # The op keeps the dimensions of x; a FULLY_CONNECTED may drop them.
    wanted, made = source.tensors[output].shape, (*source.tensors[x].shape[:-1], options.rows)
    result = graph.tensor(name, made, np.int8, lowering.quantization(output))
    inputs = [lowering.activation(x), *weights, graph.constant(f"{name}/bias", stored, levels)]
    graph.custom(OP_NAME, inputs, [result], options.pack())
    if made != wanted:
        result = reshape(graph, f"{name}/flat", result, wanted, lowering.quantization(output))
    lowering.define(output, result)
