"""Lowers a dense layer with many 8x4 blocks of zeros to our own op, which skips them.

The spec of the op: custom_ops/spec/fully_connected.md; of its weights: block_sparse.md.
"""

from __future__ import annotations

import math

import numpy as np

from tfpipeline.export.emit.fused_weights import FusedWeights
from tfpipeline.export.emit.products_of_weights import (
    dense,
    integer_bias,
    rows_our_ops_take,
    rows_that_hold_bias,
)
from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import Mode
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.fully_connected_options import (
    ACTIVATIONS,
    OP_NAME,
    FullyConnectedOptions,
)

_NAMES = {number: name for name, number in ACTIVATIONS.items()}


def lower_sparse(
    activations: Activations,
    op: FloatOperator,
    mode: Mode,
    bias: np.ndarray | None,
    weights_of: FusedWeights,
) -> None:
    """Add the op; its weights, scales and bits are those of the builtin one."""
    source, graph, kind = activations.source, activations.graph, mode.activations
    x, output = op.inputs[0], op.outputs[0]
    values = source.tensors[op.inputs[1]].data
    assert values is not None
    matrix, bits = dense(values, mode)
    name, (rows, depth) = activations.name(output), values.shape
    result_q, stored_bias = activations.output_quantization(output, mode), -1
    if result_q is not None:
        scale = activations.quantization(x, kind).scales()[0]
        matrix = rows_that_hold_bias(values, matrix, bits, bias, scale, mode)
        matrix = rows_our_ops_take(values, matrix, bits, scale / result_q.scales()[0])
        products = (np.float32(scale) * matrix.scales).astype(np.float32)
        q = Quantization.of_rows(products)
        stored_bias = integer_bias(graph, f"{name}/bias", bias, rows, products, kind, q)
    elif bias is not None:
        stored_bias = graph.constant(f"{name}/bias", np.asarray(bias, np.float32))
    weights = weights_of.constant(
        f"{name}/weights", matrix, bits, vectors=math.prod(source.tensors[x].shape[:-1])
    )
    # The op keeps the dimensions of x; a FULLY_CONNECTED may drop them.
    wanted, made = source.tensors[output].shape, (*source.tensors[x].shape[:-1], rows)
    result = graph.tensor(name, made, np.dtype(kind), result_q)
    options = FullyConnectedOptions(rows, depth, bits, _NAMES[op.options.fusedActivationFunction])
    inputs = [activations.read(x, kind), weights, stored_bias]
    graph.custom(OP_NAME, inputs, [result], options.pack())
    if made != wanted:
        result = reshape(graph, f"{name}/flat", result, wanted, np.dtype(kind), result_q)
    activations.define(output, result, kind)
