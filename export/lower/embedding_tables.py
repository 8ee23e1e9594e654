"""Tables of embeddings in builtin ops: one scale a row, and as few bits as the mode has.

    row = table[id] * scales[id]

The scales are a table of their own, of float32, which a second GATHER reads. As quantization
parameters of one tensor they would take 12 bytes a row in the file instead of 4 (a zero point of 8
goes with each) and as much again in memory; and tflite-runtime 2.14 and TFLite-Micro, which know
one scale a table, would take the first for all and not say so. So a table of 8 bits runs in every
runtime. Those of 4 and 2 bits are in `packed_rows.py`.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.products_of_weights import float_constant, weight_bits
from tfpipeline.export.graph.embeddings import looks_up
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.lower.builtin_rules import RULES
from tfpipeline.export.lower.packed_rows import emit_packed_rows
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT16, Mode
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import QuantizedMatrix

_WHOLE = Quantization(1.0)
"""Of the integers of a table as they are."""


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
    if put_out_as_stored(activations, mode, bits):
        _as_put_out(activations, op, values, mode.activations)
    elif bits == 8:
        _rows(activations, op, quantize_rows(values, bits))
    else:
        name, ids = activations.name(op.outputs[0]), activations.read(op.inputs[1])
        shape = source.tensors[op.outputs[0]].shape[:-1]
        rows = emit_packed_rows(activations.graph, name, ids, quantize_rows(values, bits), shape)
        activations.define(op.outputs[0], rows, FLOAT32)
    return True


def put_out_as_stored(activations: Activations, mode: Mode, bits: int) -> bool:
    """Return whether rows are put out in the integers that they are stored in."""
    return mode.activations != FLOAT32 and (bits == 8 or activations.integers_only)


def _gather(activations: Activations, op: FloatOperator, table: int, kind: str) -> None:
    ids, result = activations.read(op.inputs[1]), activations.declare(op.outputs[0], kind)
    version = 1 if kind == FLOAT32 else RULES["GATHER"].versions[kind]
    activations.graph.operator("GATHER", [table, ids], [result], op.options, version)


def _as_put_out(activations: Activations, op: FloatOperator, values: np.ndarray, kind: str) -> None:
    q = activations.quantization(op.outputs[0], kind)
    stored = quantize_affine(values, q.scales()[0], q.zero_point, np.dtype(kind))
    name = f"{activations.name(op.outputs[0])}/table"
    _gather(activations, op, activations.graph.constant(name, stored, q), kind)


def emit_bytes(
    activations: Activations, gather: FloatOperator, table: np.ndarray, kind: str
) -> int:
    """Write a lookup of rows of int8, and return them as they are, in int8 or float32."""
    graph, output = activations.graph, gather.outputs[0]
    name = activations.name(output)
    shape = (*activations.source.tensors[output].shape[:-1], table.shape[1])
    stored, ids = graph.constant(f"{name}/table", table, _WHOLE), activations.read(gather.inputs[1])
    picked = graph.tensor(f"{name}/picked", shape, np.int8, _WHOLE)
    graph.operator("GATHER", [stored, ids], [picked], schema.GatherOptionsT(), version=2)
    if kind != FLOAT32:
        return picked
    levels = graph.tensor(f"{name}/levels", shape, np.float32)
    graph.operator("DEQUANTIZE", [picked], [levels], schema.DequantizeOptionsT(), version=2)
    return levels


def _rows(activations: Activations, op: FloatOperator, table: QuantizedMatrix) -> None:
    graph, output = activations.graph, op.outputs[0]
    levels = emit_bytes(activations, op, table.values, FLOAT32)
    name, shape = activations.name(output), activations.source.tensors[output].shape
    scales = graph.constant(f"{name}/scales", table.scales[:, None])
    factors = graph.tensor(f"{name}/factors", (*shape[:-1], 1), np.float32)
    ids = activations.read(op.inputs[1])
    graph.operator("GATHER", [scales, ids], [factors], schema.GatherOptionsT())
    result = activations.declare(output, FLOAT32)
    graph.operator("MUL", [levels, factors], [result], schema.MulOptionsT())
