"""`.tflite` files of builtin FULLY_CONNECTED layers in the formats that stock converters write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.runtime.native import best_isa

needs_fast_kernels = pytest.mark.skipif(best_isa() == "c", reason="portable C gains nothing")
#: So large that every instruction set but portable C gains from two vectors at once.
_ROWS, _DEPTH = 512, 256


def write_layers(path: Path, *kinds: str) -> Path:
    """Write a file of layers side by side, each with an input and an output.

    Args:
        path: Of the file.
        kinds: `"int8"`, `"hybrid"` (float32 with int8 weights) or `"float"` each.
    """
    builder = ModelBuilder("layers")
    graph = builder.graph("main")
    ends = [_layer(graph, number, kind) for number, kind in enumerate(kinds)]
    graph.finish([x for x, _ in ends], [y for _, y in ends])
    path.write_bytes(builder.to_bytes())
    return path


def _layer(graph: GraphBuilder, number: int, kind: str) -> tuple[int, int]:
    rng = np.random.default_rng(number)
    dtype = np.int8 if kind == "int8" else np.float32
    x_levels = Quantization(0.037, 5) if kind == "int8" else None
    y_levels = Quantization(0.2, -7) if kind == "int8" else None
    x = graph.tensor(f"x{number}", (2, _DEPTH), dtype, x_levels)
    y = graph.tensor(f"y{number}", (2, _ROWS), dtype, y_levels)
    scales = rng.uniform(0.001, 0.002, _ROWS).astype(np.float32)
    values = rng.integers(-127, 128, (_ROWS, _DEPTH)).astype(np.int8)
    if kind == "float":
        w = graph.constant(f"w{number}", values.astype(np.float32))
    else:
        w = graph.constant(f"w{number}", values, Quantization.per_channel(scales))
    if kind == "int8":
        levels = Quantization.per_channel(np.float32(0.037) * scales)
        bias = graph.constant(f"b{number}", np.zeros(_ROWS, np.int32), levels)
    else:
        bias = graph.constant(f"b{number}", np.zeros(_ROWS, np.float32))
    options = schema.FullyConnectedOptionsT(asymmetricQuantizeInputs=kind == "hybrid")
    graph.operator("FULLY_CONNECTED", [x, w, bias], [y], options, 9 if kind == "hybrid" else 4)
    return x, y
