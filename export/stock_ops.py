"""How each builtin op of a converted float graph becomes int8.

Every rule follows TensorFlow Lite's 8-bit quantization specification: which outputs share their
input's scale, which have a fixed one, and where weights are per channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer import FloatGraph, FloatOperator, Quantization
from tfpipeline.export.int8_ops import fully_connected
from tfpipeline.export.recurrent_plan import (
    SIGMOID_OUTPUT,
    TANH_OUTPUT,
    affine,
    quantize_rows,
)
from tfpipeline.numerics.quantize import quantize_affine

if TYPE_CHECKING:
    from tfpipeline.export.lower import Lowering


@dataclass(frozen=True)
class OpRule:
    """One op's int8 form.

    Args:
        emit: Adds the int8 op to the graph under construction.
        version: The op version that int8 needs.
        same_scale: The output has its first activation input's quantization.
        output: A quantization that the runtime's kernel prescribes.
    """

    emit: Callable[[Lowering, FloatOperator, OpRule], None]
    version: int = 1
    same_scale: bool = False
    output: Quantization | None = None


def _emit_plain(lowering: Lowering, op: FloatOperator, rule: OpRule) -> None:
    """The same op on int8 tensors; float constants are quantized, others are kept."""
    graph = lowering.graph
    inputs = [_input(lowering, index) for index in op.inputs]
    outputs = [lowering.declare(index) for index in op.outputs]
    graph.operator(op.code, inputs, outputs, op.options, rule.version)


def _input(lowering: Lowering, index: int) -> int:
    tensor = lowering.source.tensors[index] if index >= 0 else None
    if tensor is None or tensor.data is None:
        return index if tensor is None else lowering.activation(index)
    if tensor.dtype != np.float32:
        return lowering.graph.constant(tensor.name, tensor.data)
    q = affine(tensor.data)
    data = quantize_affine(tensor.data, q.scales()[0], q.zero_point)
    return lowering.graph.constant(tensor.name, data, q)


def _emit_fully_connected(lowering: Lowering, op: FloatOperator, rule: OpRule) -> None:
    source = lowering.source
    x, weights = op.inputs[0], source.tensors[op.inputs[1]].data
    if weights is None:
        raise ExportError(
            f"op FULLY_CONNECTED {source.tensors[op.outputs[0]].name!r} multiplies two "
            "activations, expected constant weights: export supports Dense layers only"
        )
    bias = source.tensors[op.inputs[2]].data if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
    output = op.outputs[0]
    lowering.define(
        output,
        fully_connected(
            lowering.graph,
            lowering.name(output),
            lowering.activation(x),
            lowering.quantization(x).scales()[0],
            quantize_rows(weights),
            bias,
            source.tensors[output].shape,
            lowering.quantization(output),
            op.options,
        ),
    )


RULES: dict[str, OpRule] = {
    "FULLY_CONNECTED": OpRule(_emit_fully_connected),
    "RESHAPE": OpRule(_emit_plain, same_scale=True),
    "SQUEEZE": OpRule(_emit_plain, same_scale=True),
    "EXPAND_DIMS": OpRule(_emit_plain, same_scale=True),
    "TRANSPOSE": OpRule(_emit_plain, version=2, same_scale=True),
    "SLICE": OpRule(_emit_plain, version=2, same_scale=True),
    "STRIDED_SLICE": OpRule(_emit_plain, version=2, same_scale=True),
    "ADD": OpRule(_emit_plain, version=2),
    "SUB": OpRule(_emit_plain, version=3),
    "MUL": OpRule(_emit_plain, version=2),
    "MEAN": OpRule(_emit_plain, version=2),
    "RELU": OpRule(_emit_plain, version=2),
    "LOGISTIC": OpRule(_emit_plain, version=2, output=SIGMOID_OUTPUT),
    "SOFTMAX": OpRule(_emit_plain, version=2, output=SIGMOID_OUTPUT),
    "TANH": OpRule(_emit_plain, version=2, output=TANH_OUTPUT),
}


def rule_of(graph: FloatGraph, op: FloatOperator) -> OpRule:
    """The rule of an op, or an error that names it and what is supported."""
    if op.custom is None and op.code in RULES:
        return RULES[op.code]
    name = graph.tensors[op.outputs[0]].name
    raise ExportError(
        f"op {op.custom or op.code} (output {name!r}) cannot be exported to int8 yet: "
        f"supported are the recurrent layers and {', '.join(sorted(RULES))}"
    )
