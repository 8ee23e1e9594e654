"""Layer normalization of a product in builtin ops, in float32.

Integer kernels have no mean of 16 bits and no root; so a graph of integers alone has no such layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.quantize import RecurrentPlan


def normalize_parts(
    graph: GraphBuilder, plan: RecurrentPlan, products: Sequence[int], parts: Sequence[str]
) -> list[int]:
    """Return normalized products with their biases.

    Args:
        graph: Where to.
        plan: The layer.
        products: Of the first of `parts`, then of the next: each cut into as many tensors, of one
            gate or of several.
        parts: "x" for the input's product, "h" for the state's.
    """
    norm = plan.layer_norm
    assert norm is not None
    each = len(products) // len(parts)
    shape = (each, len(plan.cell.gates) // each, plan.units)
    result = []
    for number, part in enumerate(parts):
        row = 0 if part == "x" else 1
        gains = norm.gains[row].reshape(shape)
        bias = None if row >= plan.cell.bias_rows else plan.bias[row].reshape(shape)
        for i in range(each):
            name, x = f"{plan.name}/normal_{part}_{i}", products[number * each + i]
            own = None if bias is None else bias[i]
            result.append(_normalize(graph, name, x, gains[i], own, norm.epsilon))
    return result


def _normalize(
    graph: GraphBuilder,
    name: str,
    x: int,
    gains: np.ndarray,
    bias: np.ndarray | None,
    epsilon: float,
) -> int:
    """Add the ops; return the normalized product plus the bias, float32 `(1, gates * units)`.

    Args:
        graph: Where to.
        name: Of the result.
        x: The product, float32 `(1, gates * units)`.
        gains: `(gates, units)`, each row normalized by itself.
        bias: As `gains`, or None.
        epsilon: Added to variances.
    """
    gates, units = gains.shape
    p = x if gates == 1 else reshape(graph, f"{name}_rows", x, (gates, units), np.float32, None)

    def apply(code: str, what: str, inputs: list[int], width: int) -> int:
        options = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}
        result = graph.tensor(f"{name}_{what}", (gates, width), np.float32)
        made = options[code]() if code in options else None
        graph.operator(code, inputs, [result], made)
        return result

    def mean(what: str, values: int) -> int:
        axis = graph.constant(f"{name}_axis", np.array([1], np.int32))
        result = graph.tensor(f"{name}_{what}", (gates, 1), np.float32)
        graph.operator("MEAN", [values, axis], [result], schema.ReducerOptionsT(keepDims=True))
        return result

    distance = apply("SUB", "distance", [p, mean("mean", p)], units)
    variance = mean("variance", apply("MUL", "squares", [distance, distance], units))
    least = graph.constant(f"{name}_epsilon", np.full((1, 1), epsilon, np.float32))
    inverse = apply("RSQRT", "inverse", [apply("ADD", "positive", [variance, least], 1)], 1)
    normal = apply("MUL", "normal", [distance, inverse], units)
    gain = graph.constant(f"{name}_gain", gains.astype(np.float32))
    result = apply("MUL", "gained", [normal, gain], units)
    if bias is not None:
        offset = graph.constant(f"{name}_bias", bias.astype(np.float32))
        result = apply("ADD", "biased", [result, offset], units)
    if gates == 1:
        return result
    return reshape(graph, name, result, (1, gates * units), np.float32, None)
