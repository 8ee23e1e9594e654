"""A model that is one product of a vector with random weights, to be timed."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization


def one_product(rows: int, depth: int, bits: int) -> bytes:
    """Return a model with one FULLY_CONNECTED, float32 in and out.

    Args:
        rows: outputs.
        depth: inputs.
        bits: of a weight: 32 for float32, or 8, 4 or 2 with a scale a row.
    """
    rng = np.random.default_rng(0)
    builder = ModelBuilder("a product")
    graph = builder.graph("main")
    x = graph.tensor("x", (1, depth), np.float32)
    options, version = schema.FullyConnectedOptionsT(), 1
    if bits == 32:
        w = graph.constant("w", rng.standard_normal((rows, depth)).astype(np.float32))
    else:
        limit = 2 ** (bits - 1)
        values = rng.integers(-limit + (bits == 8), limit, (rows, depth)).astype(np.int8)
        q = Quantization.per_channel(np.full(rows, 0.01, np.float32))
        w = graph.packed_constant("w", values, q, bits)
        options.asymmetricQuantizeInputs = bits == 8
        version = 12 if bits == 8 else 13
    y = graph.tensor("y", (1, rows), np.float32)
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y], options, version)
    graph.finish([x], [y])
    return builder.to_bytes()
