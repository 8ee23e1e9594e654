"""The functions of gates in builtin ops."""

from __future__ import annotations

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.gate_format import GateArithmetic
from tfpipeline.export.recurrent.gate_names import is_bounded
from tfpipeline.numerics.activations import FUNCTIONS, PiecewiseLinear

_SMOOTH = {"sigmoid": "LOGISTIC", "tanh": "TANH"}
_FUSED = schema.ActivationFunctionType


def emit(
    gates: GateArithmetic,
    graph: GraphBuilder,
    function: str,
    name: str,
    x: int,
    width: int,
    wide: Quantization | None,
) -> int:
    """Add a gate function of a tensor `(1, width)`; return the result.

    Args:
        gates: The number format.
        graph: Where to.
        function: A key of `numerics.activations.FUNCTIONS`.
        name: Of the result.
        x: The tensor.
        width: Its columns.
        wide: Quantization of what has no bound.
    """
    if function in _SMOOTH:
        return gates.apply(graph, _SMOOTH[function], name, [x], width, gates.unit)
    found = FUNCTIONS[function]
    assert isinstance(found, PiecewiseLinear)
    if not is_bounded(function):
        return gates.scaled(graph, name, x, 1.0, width, wide, _FUSED.RELU)
    # clamp(a x + b, low, high) through clamp(c x, -1, 1), which a product can end with.
    half = (found.high - found.low) / 2
    middle = (found.high + found.low) / 2
    assert math.isclose(found.offset, middle)
    slope, last = found.slope / half, half == 1.0 and middle == 0.0
    cut = name if last else f"{name}_cut"
    y = gates.scaled(graph, cut, x, slope, width, gates.unit, _FUSED.RELU_N1_TO_1)
    if last:
        return y
    y = gates.scaled(graph, f"{name}_half", y, half, width, gates.unit)
    offset = gates.constant(graph, f"{name}_middle", np.full((1, 1), middle, np.float32))
    return gates.apply(graph, "ADD", name, [y, offset], width, gates.unit)
