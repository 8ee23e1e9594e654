"""Lowers an embedding, with the matrix and the average that follow it or without, to one custom op.

`graph/embeddings.py` and `graph/averages.py` find them. The spec of the op:
custom_ops/spec/embedding.md.
"""

from __future__ import annotations

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.fused_lookups import FusedLookup
from tfpipeline.export.emit.fused_weights import FusedWeights
from tfpipeline.export.emit.products_of_weights import dense, rows_our_ops_take, weight_bits
from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.lower.column_scales import column_table, columns_replace_rows
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT8, Mode
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.embedding_options import OP_NAME, EmbeddingOptions, Mean
from tfpipeline.numerics.fully_connected import pack_rows

_LARGEST = 128.0
"""A number of the matrix, so that its scales are far below the 256 that our op takes."""


def lower_lookup(
    activations: Activations,
    found: FusedLookup,
    mode: Mode,
    kind: str,
    weights_of: FusedWeights,
) -> None:
    """Add the op; the integers of the matrix are those of the portable form.

    Args:
        activations: Where to.
        found: The embedding.
        mode: Of its layer.
        kind: What is put out, "int8" or "float32".
        weights_of: Declares the matrix.
    """
    source, graph = activations.source, activations.graph
    operators, lookup = source.operators, found.lookup
    gather = operators[lookup.gather]
    product = None if lookup.product is None else operators[lookup.product]
    output, mean = operators[found.last].outputs[0], Mean.NONE
    if found.average is not None:
        mean = found.average.mean
        if mean == Mean.MASKED_OR_NAN and kind == INT8:
            mean = Mean.MASKED
    values = source.tensors[gather.inputs[0]].data
    assert values is not None
    # Constants belong to the layer of the words, also where its average is put out.
    name = activations.name(operators[lookup.last].outputs[0])
    shape = source.tensors[gather.inputs[1]].shape
    bits = weight_bits(mode, [values])
    matrix, units, matrix_bits, factor = -1, 0, 0, 1.0
    weights = None if product is None else source.tensors[product.inputs[1]].data
    if weights is not None and columns_replace_rows(values, weights, bits):
        columns, bits = column_table(values, weights), 8
        codes, scales, weights = columns.codes, np.ones(1, np.float32), columns.matrix
    else:
        # Rows of 8 bits in front of int8 have one scale in the portable form too.
        one = weights is None and bits == 8 and mode.activations == INT8
        table = quantize_rows(values, bits, per_channel=not one)
        codes, scales = table.values, table.scales[:1] if one else table.scales
    if weights is not None:
        # What a matrix is too large by goes to the rows, whose scales have more room.
        largest = float(np.abs(weights).max(initial=0.0))
        factor = 2.0 ** max(0, math.ceil(math.log2(max(largest, 1.0) / _LARGEST)))
        weights = weights / np.float32(factor)
        quantized, matrix_bits = dense(weights, mode)
        quantized = rows_our_ops_take(weights, quantized, matrix_bits, 1.0)
        units = len(quantized.values)
        vectors = math.prod(shape)
        # Means are float32 vectors, which no kernel for blocks of zeros takes.
        matrix = weights_of.constant(
            f"{name}/product", quantized, matrix_bits, vectors=vectors, blocks=mean == Mean.NONE
        )
    stored = codes if bits == 8 else pack_rows(codes, bits)
    inputs = [
        _ids(activations, gather.inputs[1]),
        graph.constant(f"{name}/table", stored),
        graph.constant(f"{name}/scales", scales * np.float32(factor)),
        matrix,
    ]
    options = EmbeddingOptions(len(values), values.shape[1], units, bits, matrix_bits, mean)
    q = None if kind == FLOAT32 else activations.quantization(output, kind)
    averaged = shape if mean == Mean.NONE else shape[:-1]
    wanted, made = source.tensors[output].shape, (*averaged, options.output_width)
    name = activations.name(output)
    result = graph.tensor(name, made, np.dtype(kind), q)
    graph.custom(OP_NAME, inputs, [result], options.pack())
    if made != wanted:
        # The op keeps the dimensions of the ids; a FULLY_CONNECTED may drop them, and an average
        # leave one of 1.
        result = reshape(graph, f"{name}/flat", result, wanted, np.dtype(kind), q)
    activations.define(output, result, kind)


def _ids(activations: Activations, index: int) -> int:
    """Return the ids as int32."""
    source, ids = activations.source.tensors[index], activations.read(index)
    if source.dtype == np.int32:
        return ids
    narrow = activations.graph.tensor(f"{activations.name(index)}/int32", source.shape, np.int32)
    activations.graph.operator("CAST", [ids], [narrow], schema.CastOptionsT())
    return narrow
