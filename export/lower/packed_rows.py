"""Rows of 4 or 2 bits with a scale each, in builtin ops.

    row = table[id] * scales[id]

EMBEDDING_LOOKUP is the op that unpacks rows, and takes ids along one axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.recurrent import QuantizedMatrix

_WHOLE = Quantization(1.0)
"""Of the integers of a table as they are."""
_VERSIONS = {4: 4, 2: 5}


def padding_of(width: int, bits: int) -> int:
    """Return how many numbers fill up the last byte of a row."""
    return -width % (8 // bits)


def emit_packed_rows(
    graph: GraphBuilder,
    name: str,
    ids: int,
    table: QuantizedMatrix,
    shape: Sequence[int],
    keep_padding: bool = False,
) -> int:
    """Return rows as float32 `(*shape, width)`.

    Args:
        graph: Where to.
        name: What names of tensors begin with.
        ids: int32 or int64, of any shape.
        table: Integers of 4 or 2 bits, `(words, width)`.
        shape: Of the ids, or their number alone where rows shall lie one below the other.
        keep_padding: Whether the zeros stay that fill up the last byte of a row.
    """
    bits, width = table.bits, table.values.shape[1]
    count, padding = math.prod(shape), padding_of(width, bits)
    ids = _narrow(graph, name, ids)
    flat = ids
    if tuple(graph.subgraph.tensors[ids].shape) != (count,):
        flat = reshape(graph, f"{name}/flat_ids", ids, (count,), np.int32, None)
    values = np.pad(table.values, [(0, 0), (0, padding)]) if padding else table.values
    stored = graph.packed_constant(f"{name}/table", values, _WHOLE, bits)
    levels = graph.tensor(f"{name}/levels", (count, width + padding), np.float32)
    graph.operator("EMBEDDING_LOOKUP", [flat, stored], [levels], None, _VERSIONS[bits])
    if keep_padding:
        width += padding
    elif padding:
        levels = _cut(graph, name, levels, count, width)
    # Dimensions of 1 in front come with the scales, whose product with the integers has them too.
    alike = math.prod(shape[:-1]) == 1
    scales = graph.constant(f"{name}/scales", table.scales[:, None])
    factors = graph.tensor(f"{name}/factors", (*(shape if alike else (count,)), 1), np.float32)
    picked = ids if alike and len(shape) > 1 else flat
    graph.operator("GATHER", [scales, picked], [factors], schema.GatherOptionsT())
    made = (*shape, width) if alike else (count, width)
    rows = graph.tensor(f"{name}/rows", made, np.float32)
    graph.operator("MUL", [levels, factors], [rows], schema.MulOptionsT())
    return rows if alike else reshape(graph, name, rows, (*shape, width), np.float32, None)


def _narrow(graph: GraphBuilder, name: str, ids: int) -> int:
    """Return the ids as int32."""
    tensor = graph.subgraph.tensors[ids]
    if tensor.type == schema.TensorType.INT32:
        return ids
    narrow = graph.tensor(f"{name}/ids", tensor.shape, np.int32)
    graph.operator("CAST", [ids], [narrow], schema.CastOptionsT())
    return narrow


def _cut(graph: GraphBuilder, name: str, levels: int, count: int, width: int) -> int:
    cut = graph.tensor(f"{name}/cut", (count, width), np.float32)
    begin = graph.constant(f"{name}/begin", np.zeros(2, np.int32))
    size = graph.constant(f"{name}/size", np.array([count, width], np.int32))
    graph.operator("SLICE", [levels, begin, size], [cut], schema.SliceOptionsT())
    return cut
