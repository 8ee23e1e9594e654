"""A file with weights without their 8x4 blocks of zeros in each of our ops, for inspections."""

from __future__ import annotations

import numpy as np
from pruned_models import zero_blocks

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import BlockSparse, encode_blocks
from tfpipeline.numerics.factored_options import OP_NAME as FACTORED
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.numerics.fully_connected_options import OP_NAME, FullyConnectedOptions
from tfpipeline.numerics.recurrent_options import RecurrentOptions

#: Vectors of one call.
STEPS = 3
UNITS, DEPTH, RANK, ROWS = 20, 14, 9, 40


def _weights(
    graph: GraphBuilder,
    stored: dict[str, BlockSparse],
    name: str,
    rows: int,
    depth: int,
    gates: int,
) -> int:
    rng = np.random.default_rng(len(stored))
    values = rng.integers(1, 128, (depth, rows)).astype(np.int8)
    stored[name] = encode_blocks(zero_blocks(values, 0.7, rng, gates).T, gates)
    return graph.sparse_constant(name, stored[name], Quantization(0.01))


def sparse_file() -> tuple[bytes, dict[str, BlockSparse], int]:
    """The file, its sparse tensors by name, and the multiply-accumulates of a call."""
    builder = ModelBuilder("sparse")
    graph = builder.graph("main")
    stored: dict[str, BlockSparse] = {}
    x = graph.tensor("x", (1, STEPS, DEPTH), np.int8, Quantization(0.02))
    h = graph.tensor("h", (1, UNITS), np.float32)
    kernel = np.ones((3 * UNITS, DEPTH), np.int8)
    dense = graph.constant("W1", kernel, Quantization(0.01))
    recurrent = _weights(graph, stored, "U1", 3 * UNITS, UNITS, 3)
    bias = graph.constant("bias", np.zeros((2, 3 * UNITS), np.float32))
    options = RecurrentOptions("gru", UNITS, DEPTH, 0, 0)
    y = graph.tensor("y", (1, STEPS, UNITS), np.int8, Quantization(options.scale_h))
    last = graph.tensor("last", (1, UNITS), np.float32)
    inputs = [x, h, dense, -1, recurrent, -1, bias, -1]
    graph.custom(options.op_name, inputs, [y, last], options.pack())
    z = graph.tensor("z", (1, STEPS, ROWS), np.int8, Quantization(0.1))
    weights = _weights(graph, stored, "w", ROWS, UNITS, 1)
    layer = FullyConnectedOptions(ROWS, UNITS)
    graph.custom(OP_NAME, [y, weights, -1], [z], layer.pack())
    factors = [
        _weights(graph, stored, "first", RANK, ROWS, 1),
        graph.constant("last factor", np.ones((DEPTH, RANK), np.int8), Quantization(0.01)),
    ]
    pair = FactoredOptions(DEPTH, ROWS, RANK, inner_scale=0.1)
    out = graph.tensor("out", (1, STEPS, DEPTH), np.int8, Quantization(0.1))
    graph.custom(FACTORED, [z, *factors, -1], [out], pair.pack())
    graph.finish([x, h], [out, last])
    macs = kernel.size + DEPTH * RANK + sum(data.macs for data in stored.values())
    return builder.to_bytes(), stored, STEPS * macs
