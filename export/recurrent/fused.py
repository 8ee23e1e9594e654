"""Lowers a recurrent layer to one custom op (specs: custom_ops/spec)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.masked import masked_size, pack_masked
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.recurrent_options import RecurrentOptions

_ABSENT = -1


def lower_fused(
    graph: GraphBuilder,
    plan: RecurrentPlan,
    x: int,
    frames: int,
    states: Sequence[int] | None,
    length: int | None = None,
) -> tuple[int, list[int]]:
    """Add the op; return the layer's output (int8) and the last states (float32 `(1, H)`).

    Args:
        graph: The graph to add to.
        plan: The quantized layer.
        x: int8 tensor `(1, window - 1 + frames, features)`.
        frames: Number of time steps.
        states: float32 tensors `(1, H)` to start from; None starts from zeros.
        length: int32 tensor `(1,)` of the steps that count; None: all.
    """
    if states is None:
        zero = graph.constant(f"{plan.name}/zero_state", np.zeros((1, plan.units), np.float32))
        states = [zero] * len(plan.states)
    options = fused_options(plan)
    weights = _weights(graph, f"{plan.name}/kernel", plan.kernel)
    weights += _weights(graph, f"{plan.name}/recurrent_kernel", plan.recurrent_kernel)
    bias = graph.constant(f"{plan.name}/bias", plan.bias)
    shape = (1, frames, plan.units) if plan.return_sequences else (1, plan.units)
    output = graph.tensor(f"{plan.name}/output", shape, np.int8, plan.output)
    last = [
        graph.tensor(f"{plan.name}/last_{state.name}", (1, plan.units), np.float32)
        for state in plan.states
    ]
    inputs = [x, *states, *weights, bias, _ABSENT if length is None else length]
    graph.custom(options.op_name, inputs, [output, *last], options.pack())
    return output, last


def fused_options(plan: RecurrentPlan) -> RecurrentOptions:
    """Return the options of a layer's op."""
    ranks = plan.ranks()
    return RecurrentOptions(
        cell=plan.cell.name,
        units=plan.units,
        input_dim=plan.features,
        rank_x=ranks["kernel"] or 0,
        rank_h=ranks["recurrent_kernel"] or 0,
        scale_a_x=plan.kernel_scale or 1.0,
        scale_a_h=plan.recurrent_scale or 1.0,
        scale_h=float(plan.output.scales()[0]),
        return_sequences=plan.return_sequences,
        go_backwards=plan.go_backwards,
        weight_bits=(*_widths(plan.kernel), *_widths(plan.recurrent_kernel)),
        activation=plan.activation,
        recurrent_activation=plan.recurrent_activation,
        parameters=plan.parameters,
        window=plan.window,
    )


def _widths(matrices: tuple[QuantizedMatrix, ...]) -> tuple[int, int]:
    first, second, *_ = [*(matrix.bits for matrix in matrices), 8, 8]
    return first, second


def _weights(graph: GraphBuilder, name: str, matrices: tuple[QuantizedMatrix, ...]) -> list[int]:
    indices = [_matrix(graph, f"{name}/{number}", matrix) for number, matrix in enumerate(matrices)]
    return indices + [_ABSENT] * (2 - len(indices))


def _matrix(graph: GraphBuilder, name: str, matrix: QuantizedMatrix) -> int:
    q = Quantization.of_rows(matrix.scales)
    if matrix.bits < 8:
        return graph.constant(name, pack_rows(matrix.values, matrix.bits), q)
    # Runtimes want scales of rows along an axis that has them, and bytes of zeros left out have
    # none.
    if len(q.scales()) == 1 and masked_size(matrix.values) < matrix.values.size:
        return graph.constant(name, pack_masked(matrix.values), q)
    return graph.constant(name, matrix.values, q)
