"""Multiply-accumulates of one operator, from the shapes in the file."""

from __future__ import annotations

import math
from collections.abc import Callable

from tfpipeline.inspection.custom_ops import our_options
from tfpipeline.inspection.graph import CUSTOM, Graph, Operator, Tensor
from tfpipeline.numerics.ops import OPS


def operator_macs(graph: Graph, operator: Operator) -> int:
    """Return what one run of the operator multiplies and adds; 0 for unknown operators."""
    label = operator.code.label
    operands = [graph.tensors[number] if number >= 0 else None for number in operator.inputs]
    results = [graph.tensors[number] if number >= 0 else None for number in operator.outputs]
    if not results or results[0] is None:
        return 0
    if operator.code.name == CUSTOM:
        return _ours(operator, operands)
    rule = _RULES.get(label)
    if rule is None or len(operands) < 2 or operands[0] is None or operands[1] is None:
        return 0
    return rule(operator, [x for x in operands if x is not None], results[0])


def _fully_connected(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    x, weights = operands[:2]
    if len(weights.shape) != 2:
        return 0
    depth = weights.shape[1]
    return x.elements // depth * weights.multiplied if depth else 0


def _convolution(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    # The filter is (outputs, height, width, inputs of a group).
    return y.elements * math.prod(operands[1].shape[1:])


def _convolution_3d(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    # The filter is (depth, height, width, inputs, outputs).
    return y.elements * math.prod(operands[1].shape[:-1])


def _depthwise(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    # The filter is (1, height, width, outputs).
    return y.elements * math.prod(operands[1].shape[1:3])


def _transposed(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    # Operands are output shape, filter (outputs, height, width, inputs), x.
    if len(operands) < 3:
        return 0
    return operands[2].elements * math.prod(operands[1].shape[:3])


def _batch_matmul(operator: Operator, operands: list[Tensor], y: Tensor) -> int:
    x = operands[0]
    if len(x.shape) < 2:
        return 0
    transposed = bool(operator.flags) and operator.flags[0]
    return y.elements * x.shape[-2 if transposed else -1]


def _sequence(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    # Every matrix of the cell is used once for each step of each sequence.
    x = operands[0]
    steps = math.prod(x.shape[:-1]) if x.shape else 0
    return steps * sum(t.elements for t in operands[1:] if len(t.shape) == 2 and not t.variable)


def _svdf(_: Operator, operands: list[Tensor], y: Tensor) -> int:
    batch = operands[0].shape[0] if operands[0].shape else 0
    return batch * sum(t.elements for t in operands[1:3])


def _ours(operator: Operator, operands: list[Tensor | None]) -> int:
    """Our own operators say in their options what they do; the input says how often."""
    options = our_options(operator)
    if options is None or not operands or operands[0] is None:
        return 0
    op = OPS[operator.code.custom]
    macs = 0
    for place, size in op.matrices(options).items():
        matrix = operands[place] if place < len(operands) else None
        sparse = matrix is not None and matrix.sparsity is not None
        macs += matrix.multiplied if matrix is not None and sparse else size
    vectors = operands[0].elements // op.features(options)
    if op.averages(options):
        vectors //= max(1, operands[0].shape[-1])
    return vectors * macs


_RULES: dict[str, Callable[[Operator, list[Tensor], Tensor], int]] = {
    "FULLY_CONNECTED": _fully_connected,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _sequence,
    "SVDF": _svdf,
}
