"""Builtin int8 ops that need more than one line: what lowerings are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.numerics.recurrent import QuantizedMatrix


def int32_bias(
    bias: np.ndarray | None, input_scale: float, weight_scales: np.ndarray
) -> tuple[np.ndarray, Quantization]:
    """The bias of an int8 product, zeros where there is none, and its scales."""
    scales = (np.float32(input_scale) * weight_scales).astype(np.float32)
    values = np.zeros(len(scales)) if bias is None else bias / scales.astype(np.float64)
    limit = np.iinfo(np.int32)
    stored = np.clip(np.rint(values), limit.min, limit.max).astype(np.int32)
    return stored, Quantization.per_channel(scales)


def fully_connected(
    graph: GraphBuilder,
    name: str,
    x: int,
    input_scale: float,
    matrix: QuantizedMatrix,
    bias: np.ndarray | None,
    shape: Sequence[int],
    output: Quantization,
    options: schema.FullyConnectedOptionsT | None = None,
) -> int:
    """Adds an int8 FULLY_CONNECTED with per-channel weights and an int32 bias."""
    stored, levels = int32_bias(bias, input_scale, matrix.scales)
    inputs = [
        x,
        graph.constant(f"{name}/weights", matrix.values, Quantization.per_channel(matrix.scales)),
    ]
    inputs.append(graph.constant(f"{name}/bias", stored, levels))
    result = graph.tensor(name, shape, np.int8, output)
    graph.operator(
        "FULLY_CONNECTED", inputs, [result], options or schema.FullyConnectedOptionsT(), version=5
    )
    return result


def reshape(graph: GraphBuilder, name: str, x: int, shape: Sequence[int], q: Quantization) -> int:
    """Adds a RESHAPE."""
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    result = graph.tensor(name, shape, np.int8, q)
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [x, target], [result], options)
    return result
