"""Tables of embeddings in builtin ops: one scale a row, and as few bits as the mode has.

    row = table[id] * scales[id]

The scales are a table of their own, of float32, which a second GATHER reads. As quantization
parameters of one tensor they would take 12 bytes a row in the file instead of 4 (a zero point of 8
goes with each) and as much again in memory; and tflite-runtime 2.14 and TFLite-Micro, which know
one scale a table, would take the first for all and not say so. So a table of 8 bits runs in every
runtime. Of 4 and 2 bits EMBEDDING_LOOKUP is the op that unpacks rows.
"""

from __future__ import annotations

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.products_of_weights import float_constant, weight_bits
from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.graph.embeddings import looks_up
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.lower.builtin_rules import RULES
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT16, Mode
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import QuantizedMatrix

_WHOLE = Quantization(1.0)
"""Of the integers of a table as they are."""
_VERSIONS = {4: 4, 2: 5}


def emit_table(activations: Activations, op: FloatOperator, mode: Mode) -> bool:
    """Write a lookup of rows in a constant table; return False where it is none.

    Rows that are put out in int8 or int16 are stored so, with the scale of the output: no rounding
    comes before that one. But where the mode has fewer bits, and float32 may occur.
    """
    source = activations.source
    if not looks_up(source, op):
        return False
    values = source.tensors[op.inputs[0]].data
    assert values is not None
    if not mode.integer_weights:
        name = f"{activations.name(op.outputs[0])}/table"
        _gather(activations, op, float_constant(activations.graph, name, values, mode), FLOAT32)
        return True
    bits = 8 if mode.activations == INT16 else weight_bits(mode, [values])
    if mode.activations != FLOAT32 and (bits == 8 or activations.integers_only):
        _as_put_out(activations, op, values, mode.activations)
    else:
        _rows(activations, op, quantize_rows(values, bits), bits)
    return True


def _gather(activations: Activations, op: FloatOperator, table: int, kind: str) -> None:
    ids, result = activations.read(op.inputs[1]), activations.declare(op.outputs[0], kind)
    version = 1 if kind == FLOAT32 else RULES["GATHER"].versions[kind]
    activations.graph.operator("GATHER", [table, ids], [result], op.options, version)


def _as_put_out(activations: Activations, op: FloatOperator, values: np.ndarray, kind: str) -> None:
    q = activations.quantization(op.outputs[0], kind)
    stored = quantize_affine(values, q.scales()[0], q.zero_point, np.dtype(kind))
    name = f"{activations.name(op.outputs[0])}/table"
    _gather(activations, op, activations.graph.constant(name, stored, q), kind)


def _rows(activations: Activations, op: FloatOperator, table: QuantizedMatrix, bits: int) -> None:
    graph, source, output = activations.graph, activations.source, op.outputs[0]
    name, ids = activations.name(output), activations.read(op.inputs[1])
    wanted, width = source.tensors[output].shape, table.values.shape[1]
    made = wanted if bits == 8 else (math.prod(wanted[:-1]), width)
    if bits == 8:
        stored = graph.constant(f"{name}/table", table.values, _WHOLE)
        picked = graph.tensor(f"{name}/picked", made, np.int8, _WHOLE)
        graph.operator("GATHER", [stored, ids], [picked], schema.GatherOptionsT(), version=2)
        levels = graph.tensor(f"{name}/levels", made, np.float32)
        graph.operator("DEQUANTIZE", [picked], [levels], schema.DequantizeOptionsT(), version=2)
    else:
        ids = _flat(graph, name, ids, source.tensors[op.inputs[1]].dtype, made[0])
        levels = _unpacked(graph, name, ids, table, bits, made[0])
    scales = graph.constant(f"{name}/scales", table.scales[:, None])
    factors = graph.tensor(f"{name}/factors", (*made[:-1], 1), np.float32)
    graph.operator("GATHER", [scales, ids], [factors], schema.GatherOptionsT())
    if made == wanted:
        result = activations.declare(output, FLOAT32)
        graph.operator("MUL", [levels, factors], [result], schema.MulOptionsT())
        return
    flat = graph.tensor(f"{name}/flat", made, np.float32)
    graph.operator("MUL", [levels, factors], [flat], schema.MulOptionsT())
    activations.define(output, reshape(graph, name, flat, wanted, np.float32, None), FLOAT32)


def _flat(graph: GraphBuilder, name: str, ids: int, dtype: np.dtype, count: int) -> int:
    """Return ids as EMBEDDING_LOOKUP takes them: int32, along one axis."""
    if dtype != np.int32:
        narrow = graph.tensor(f"{name}/ids", graph.subgraph.tensors[ids].shape, np.int32)
        graph.operator("CAST", [ids], [narrow], schema.CastOptionsT())
        ids = narrow
    return reshape(graph, f"{name}/flat_ids", ids, (count,), np.int32, None)


def _unpacked(
    graph: GraphBuilder, name: str, ids: int, table: QuantizedMatrix, bits: int, count: int
) -> int:
    """Return the integers of rows as float32.

    The kernel takes rows to begin at whole bytes, so they are padded to whole bytes, and cut.
    """
    values, width = table.values, table.values.shape[1]
    missing = -width % (8 // bits)
    padded = np.pad(values, [(0, 0), (0, missing)]) if missing else values
    stored = graph.packed_constant(f"{name}/table", padded, _WHOLE, bits)
    levels = graph.tensor(f"{name}/levels", (count, width + missing), np.float32)
    graph.operator("EMBEDDING_LOOKUP", [ids, stored], [levels], None, _VERSIONS[bits])
    if not missing:
        return levels
    cut = graph.tensor(f"{name}/cut", (count, width), np.float32)
    begin = graph.constant(f"{name}/begin", np.zeros(2, np.int32))
    size = graph.constant(f"{name}/size", np.array([count, width], np.int32))
    graph.operator("SLICE", [levels, begin, size], [cut], schema.SliceOptionsT())
    return cut
