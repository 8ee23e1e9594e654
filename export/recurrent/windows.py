"""What each step of a layer reads whose kernel spans several time steps, in builtin ops."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.product_format import LinearArithmetic
from tfpipeline.export.recurrent.quantize import RecurrentPlan


def side_by_side(
    graph: GraphBuilder,
    linear: LinearArithmetic,
    plan: RecurrentPlan,
    x: int,
    q: Quantization | None,
    frames: int,
) -> int:
    """Return `(1, frames, window * features)`: what each step reads, the oldest first.

    Args:
        graph: Where to.
        linear: Number format of `x`.
        plan: The layer.
        x: `(1, window - 1 + frames, features)`.
        q: Its quantization; None for float32.
        frames: Number of time steps.
    """
    name, window, features = f"{plan.name}/windows", plan.window, plan.features
    if frames == 1:
        return x
    shape = (1, frames, features)
    parts = []
    for first in range(window):
        part = graph.tensor(f"{name}_{first}", shape, linear.dtype, q)
        begin = graph.constant(f"{name}_{first}/begin", np.array([0, first, 0], np.int32))
        size = graph.constant(f"{name}/size", np.array(shape, np.int32))
        version = linear.slice_version()
        graph.operator("SLICE", [x, begin, size], [part], schema.SliceOptionsT(), version)
        parts.append(part)
    return linear.concatenate(graph, name, parts, (1, frames, window * features), q)
