"""Lowers two dense products without anything between them to one custom op.

`graph/pairs.py` finds them. The spec of the op: custom_ops/spec/factored_fully_connected.md.
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
from tfpipeline.numerics.factored_options import OP_NAME, FactoredOptions
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS

_NAMES = {number: name for name, number in ACTIVATIONS.items()}


def lower_pair(
    activations: Activations,
    first: FloatOperator,
    last: FloatOperator,
    mode: Mode,
    bias: np.ndarray | None,
    weights_of: FusedWeights,
) -> None:
    """Add the op; its weights, scales and bits are those of the two ops of the portable form."""
    source, graph, kind = activations.source, activations.graph, mode.activations
    x, output = first.inputs[0], last.outputs[0]
    inner = activations.output_quantization(first.outputs[0], mode)
    left, right = (source.tensors[op.inputs[1]].data for op in (first, last))
    assert left is not None and right is not None
    inner_scale = None if inner is None else inner.scales()[0]
    (head, head_bits), (tail, tail_bits) = dense(left, mode), dense(right, mode)
    tail = rows_that_hold_bias(right, tail, tail_bits, bias, inner_scale, mode)
    q = activations.output_quantization(output, mode)
    if inner_scale is not None and q is not None:
        x_scale, y_scale = activations.quantization(x, kind).scales()[0], q.scales()[0]
        head = rows_our_ops_take(left, head, head_bits, x_scale / inner_scale)
        tail = rows_our_ops_take(right, tail, tail_bits, inner_scale / y_scale)
    name, vectors = activations.name(output), math.prod(source.tensors[x].shape[:-1])
    weights = [
        weights_of.constant(f"{name}/factors/{number}", matrix, bits, vectors=vectors)
        for number, (matrix, bits) in enumerate([(head, head_bits), (tail, tail_bits)])
    ]
    rank, depth = head.values.shape
    options = FactoredOptions(
        rows=len(tail.values),
        depth=depth,
        rank=rank,
        first_bits=head_bits,
        last_bits=tail_bits,
        activation=_NAMES[last.options.fusedActivationFunction],
        inner_scale=inner_scale or 0.0,
        inner_zero_point=0 if inner is None else inner.zero_point,
    )
    # The op keeps the dimensions of x; a FULLY_CONNECTED may drop them.
    wanted, made = source.tensors[output].shape, (*source.tensors[x].shape[:-1], options.rows)
    result = graph.tensor(name, made, np.dtype(kind), q)
    inputs = [activations.read(x, kind), *weights]
    inputs.append(_bias(activations, last, bias, inner, tail.scales))
    graph.custom(OP_NAME, inputs, [result], options.pack())
    if made != wanted:
        result = reshape(graph, f"{name}/flat", result, wanted, np.dtype(kind), q)
    activations.define(output, result, kind)


def _bias(
    activations: Activations,
    last: FloatOperator,
    bias: np.ndarray | None,
    inner: Quantization | None,
    scales: np.ndarray,
) -> int:
    name = f"{activations.name(last.outputs[0])}/bias"
    if inner is None:
        return -1 if bias is None else activations.graph.constant(name, bias)
    products = (np.float32(inner.scales()[0]) * scales).astype(np.float32)
    q = Quantization.of_rows(products)
    return integer_bias(activations.graph, name, bias, len(scales), products, "int8", q)
