"""Lowers an embedding and the matrix that follows it, which is a table of low rank, to builtin ops.

What the two need not agree on with others is left out between them: scales of rows where those of
columns do, and the cut of rows that were padded to whole bytes.
"""

from __future__ import annotations

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.products_of_weights import dense, fully_connected, weight_bits
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.lower.column_scales import column_table, columns_replace_rows, even_padding
from tfpipeline.export.lower.embedding_tables import emit_bytes, put_out_as_stored
from tfpipeline.export.lower.packed_rows import emit_packed_rows, padding_of
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT8, Mode
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.recurrent import QuantizedMatrix


def emit_factored_lookup(
    activations: Activations, gather: FloatOperator, product: FloatOperator, mode: Mode
) -> bool:
    """Write both; return False, and write nothing, where they are best written one by one.

    Args:
        activations: Where to.
        gather: Of rows of a constant table.
        product: With a constant matrix, without bias, which alone reads the rows.
        mode: Of both, with integer weights, and activations in int8 or float32.
    """
    source = activations.source
    values, matrix = (source.tensors[i].data for i in (gather.inputs[0], product.inputs[1]))
    assert values is not None and matrix is not None
    bits, scale, padding = weight_bits(mode, [values]), None, 0
    columns = columns_replace_rows(values, matrix, bits)
    if columns or put_out_as_stored(activations, mode, bits):
        table, scale = column_table(values, matrix), 1.0
        codes, matrix = table.codes, table.matrix
        if columns:
            padding = even_padding(codes.shape[1])
            codes = np.pad(codes, [(0, 0), (0, padding)])
        rows = emit_bytes(activations, gather, codes, mode.activations)
    elif bits < 8:
        name, ids = activations.name(gather.outputs[0]), activations.read(gather.inputs[1])
        shape = source.tensors[gather.outputs[0]].shape[:-1]
        if len(source.tensors[product.outputs[0]].shape) == 2:
            shape = (math.prod(shape),)
        packed = quantize_rows(values, bits)
        rows = emit_packed_rows(activations.graph, name, ids, packed, shape, keep_padding=True)
        padding = padding_of(values.shape[1], bits)
        if mode.activations != FLOAT32:
            rows, scale = _rounded(activations, gather, rows)
    else:
        return False
    _multiply(activations, product, mode, rows, scale, matrix, padding)
    return True


def _rounded(activations: Activations, gather: FloatOperator, rows: int) -> tuple[int, float]:
    """Return rows as int8, and their scale."""
    graph, output = activations.graph, gather.outputs[0]
    q = activations.quantization(output, INT8)
    shape = graph.subgraph.tensors[rows].shape
    result = graph.tensor(f"{activations.name(output)}/{INT8}", shape, np.int8, q)
    graph.operator("QUANTIZE", [rows], [result], schema.QuantizeOptionsT())
    return result, q.scales()[0]


def _multiply(
    activations: Activations,
    product: FloatOperator,
    mode: Mode,
    rows: int,
    scale: float | None,
    matrix: np.ndarray,
    padding: int,
) -> None:
    """Write the product of rows, of a scale or in float32, with zeros behind each of them."""
    source, output = activations.source, product.outputs[0]
    quantized, bits = dense(matrix, mode)
    nothing = [(0, 0), (0, padding)]
    padded = QuantizedMatrix(np.pad(quantized.values, nothing), quantized.scales, quantized.bits)
    result = fully_connected(
        activations.graph,
        activations.name(output),
        rows,
        scale,
        np.pad(matrix, nothing),
        padded,
        bits,
        mode,
        None,
        source.tensors[output].shape,
        activations.output_quantization(output, mode),
        product.options,
    )
    activations.define(output, result, mode.activations)
