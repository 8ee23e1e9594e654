"""Lowers a GRU layer to one `tfpipeline.gru` custom op (spec: custom_ops/spec/gru.md)."""

from __future__ import annotations

import numpy as np

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.gru_plan import GruPlan
from tfpipeline.numerics.gru import QuantizedMatrix
from tfpipeline.numerics.gru_options import GruOptions

_ABSENT = -1


def lower_fused(
    graph: GraphBuilder, plan: GruPlan, x: int, frames: int, state: int | None
) -> tuple[int, int]:
    """Adds the op; returns the layer's output (int8) and the last state (float32 `(1, H)`).

    Args:
        graph: The graph to add to.
        plan: The quantized layer.
        x: int8 tensor `(1, frames, features)`.
        frames: Number of time steps.
        state: float32 tensor `(1, H)` to start from; None starts from zeros.
    """
    if state is None:
        state = graph.constant(f"{plan.name}/zero_state", np.zeros((1, plan.units), np.float32))
    ranks = plan.ranks()
    options = GruOptions(
        units=plan.units,
        input_dim=plan.features,
        rank_x=ranks["kernel"] or 0,
        rank_h=ranks["recurrent_kernel"] or 0,
        scale_a_x=plan.kernel_scale or 1.0,
        scale_a_h=plan.recurrent_scale or 1.0,
        scale_h=float(plan.state.scales()[0]),
        return_sequences=plan.return_sequences,
    )
    weights = _weights(graph, f"{plan.name}/kernel", plan.kernel)
    weights += _weights(graph, f"{plan.name}/recurrent_kernel", plan.recurrent_kernel)
    bias = graph.constant(f"{plan.name}/bias", plan.bias)
    shape = (1, frames, plan.units) if plan.return_sequences else (1, plan.units)
    output = graph.tensor(f"{plan.name}/output", shape, np.int8, plan.state)
    last = graph.tensor(f"{plan.name}/last_state", (1, plan.units), np.float32)
    graph.custom(
        GruOptions.OP_NAME, [x, state, *weights, bias, _ABSENT], [output, last], options.pack()
    )
    return output, last


def _weights(graph: GraphBuilder, name: str, matrices: tuple[QuantizedMatrix, ...]) -> list[int]:
    indices = [
        graph.constant(f"{name}/{number}", matrix.values, Quantization.per_channel(matrix.scales))
        for number, matrix in enumerate(matrices)
    ]
    return indices + [_ABSENT] * (2 - len(indices))
