"""Lowers a recurrent layer to one custom op (specs: custom_ops/spec)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.export.emit.fused_weights import FusedWeights
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.recurrent_options import DEFAULT_EPSILON, RecurrentOptions

_ABSENT = -1


def lower_fused(
    graph: GraphBuilder,
    weights_of: FusedWeights,
    plan: RecurrentPlan,
    x: int,
    frames: int,
    states: Sequence[int] | None,
    length: int | None = None,
) -> tuple[int, list[int]]:
    """Add the op; return the layer's output (int8) and the last states (float32 `(1, H)`).

    Args:
        graph: The graph to add to.
        weights_of: Declares weights there.
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
    gates = len(plan.cell.gates)
    weights = _weights(weights_of, f"{plan.name}/kernel", plan.kernel, gates, frames)
    name = f"{plan.name}/recurrent_kernel"
    weights += _weights(weights_of, name, plan.recurrent_kernel, gates, 1)
    bias = graph.constant(f"{plan.name}/bias", plan.bias)
    shape = (1, frames, plan.units) if plan.return_sequences else (1, plan.units)
    output = graph.tensor(f"{plan.name}/output", shape, np.int8, plan.output)
    last = [
        graph.tensor(f"{plan.name}/last_{state.name}", (1, plan.units), np.float32)
        for state in plan.states
    ]
    inputs = [x, *states, *weights, bias, _ABSENT if length is None else length]
    if plan.layer_norm is not None:
        inputs.append(graph.constant(f"{plan.name}/gains", plan.layer_norm.gains))
    graph.custom(options.op_name, inputs, [output, *last], options.pack())
    return output, last


def fused_options(plan: RecurrentPlan) -> RecurrentOptions:
    """Return the options of a layer's op."""
    ranks, norm = plan.ranks(), plan.layer_norm
    planes_x, planes_h = plan.planes()
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
        layer_norm=norm is not None,
        # The next float32, which is what is stored.
        epsilon=DEFAULT_EPSILON if norm is None else float(np.float32(norm.epsilon)),
        planes_x=planes_x,
        planes_h=planes_h,
    )


def _widths(matrices: tuple[QuantizedMatrix, ...]) -> tuple[int, int]:
    first, second, *_ = [*(matrix.bits for matrix in matrices), 8, 8]
    return first, second


def _weights(
    weights_of: FusedWeights,
    name: str,
    matrices: tuple[QuantizedMatrix, ...],
    gates: int,
    vectors: int,
) -> list[int]:
    # The rows of the last matrix are those of the gates, one after another.
    indices = [
        weights_of.constant(
            f"{name}/{number}",
            matrix,
            matrix.bits,
            parts=gates if matrix is matrices[-1] else 1,
            masks=True,
            vectors=vectors,
        )
        for number, matrix in enumerate(matrices)
    ]
    return indices + [_ABSENT] * (2 - len(indices))
