"""Dense layers and convolutions in any mode."""

from __future__ import annotations

import math

import numpy as np

from tfpipeline.export.emit.products_of_weights import (
    dense,
    float_constant,
    fully_connected,
    integer_bias,
    integer_constant,
    is_hybrid,
    scales_that_hold_bias,
    unpacked_constant,
)
from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.lower.bias_correction import Biases
from tfpipeline.export.lower.builtin_rules import RULES
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT16, Mode
from tfpipeline.numerics.quantize import channel_scales, quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix

_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
_FLOAT_AXIS = {"TRANSPOSE_CONV": 0, "CONV_3D": 4}
"""The channel axis of weights that no kernel of integers reads as fast as one of float32."""
_HYBRID_VERSIONS = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6}


def emit_product(activations: Activations, op: FloatOperator, mode: Mode, biases: Biases) -> bool:
    """Write an op whose weights are constants; return False where it is none."""
    constants = [index >= 0 and activations.source.is_constant(index) for index in op.inputs]
    if op.code == "FULLY_CONNECTED" and constants[1]:
        _fully_connected(activations, op, mode, biases)
    elif op.code in _CHANNEL_AXIS and constants[1]:
        _convolution(activations, op, mode, biases)
    elif op.code in _FLOAT_AXIS and constants[1] and mode.activations == FLOAT32:
        _float_product(activations, op, mode)
    else:
        return False
    return True


def _scale(activations: Activations, index: int, mode: Mode) -> float | None:
    if mode.activations == FLOAT32:
        return None
    return activations.quantization(index, mode.activations).scales()[0]


def _fully_connected(
    activations: Activations, op: FloatOperator, mode: Mode, biases: Biases
) -> None:
    source, output = activations.source, op.outputs[0]
    values = source.tensors[op.inputs[1]].data
    assert values is not None
    bias, input_scale = biases.corrected(op, mode), _scale(activations, op.inputs[0], mode)
    quantized, bits = dense(values, mode)
    x, shape = activations.read(op.inputs[0], mode.activations), source.tensors[output].shape
    name, rows = activations.name(output), math.prod(shape[:-1])
    flat = mode.activations == INT16 and len(source.tensors[op.inputs[0]].shape) > 2
    if flat:
        # tflite-runtime 2.14 multiplies int16 matrices only: of more axes it takes the first rows.
        q = activations.quantization(op.inputs[0], INT16)
        depth = source.tensors[op.inputs[0]].shape[-1]
        x = reshape(activations.graph, f"{name}/rows", x, (rows, depth), np.int16, q)
    result = fully_connected(
        activations.graph,
        f"{name}/flat" if flat else name,
        x,
        input_scale,
        values,
        quantized,
        bits,
        mode,
        bias,
        (rows, shape[-1]) if flat else shape,
        activations.output_quantization(output, mode),
        op.options,
    )
    if flat:
        q = activations.quantization(output, INT16)
        result = reshape(activations.graph, name, result, shape, np.int16, q)
    activations.define(output, result, mode.activations)


def _convolution(activations: Activations, op: FloatOperator, mode: Mode, biases: Biases) -> None:
    """int4 and int2 have no convolution kernels: such weights are stored as int8."""
    graph, source, output = activations.graph, activations.source, op.outputs[0]
    values, name = source.tensors[op.inputs[1]].data, activations.name(output)
    assert values is not None
    axis, bias = _CHANNEL_AXIS[op.code], biases.plain(op)
    x = activations.read(op.inputs[0], mode.activations)
    input_scale = _scale(activations, op.inputs[0], mode)
    scales = scales_that_hold_bias(channel_scales(values, axis=axis), bias, input_scale, mode)
    quantized = QuantizedMatrix(quantize_channels(values, scales, axis=axis), scales)
    version = op.version
    if not mode.integer_weights:
        weights = float_constant(graph, f"{name}/weights", values, mode)
    elif mode.activations == FLOAT32 and not is_hybrid(op.code, values):
        weights = unpacked_constant(graph, f"{name}/weights", values, quantized, axis)
    else:
        weights = integer_constant(graph, f"{name}/weights", quantized, 8, axis)
        version = _HYBRID_VERSIONS[op.code]
    if input_scale is None:
        zeros = np.zeros(len(scales), np.float32)
        stored = graph.constant(f"{name}/bias", zeros if bias is None else bias)
    else:
        product = (np.float32(input_scale) * scales).astype(np.float32)
        stored = integer_bias(graph, f"{name}/bias", bias, len(scales), product, mode.activations)
        version = RULES[op.code].versions[mode.activations]
    result = activations.declare(output, mode.activations)
    graph.operator(op.code, [x, weights, stored], [result], op.options, version)


def _float_product(activations: Activations, op: FloatOperator, mode: Mode) -> None:
    """Weights in their own format, which the runtime unpacks for a float32 kernel."""
    graph, source, output = activations.graph, activations.source, op.outputs[0]
    values, name = source.tensors[op.inputs[1]].data, activations.name(output)
    assert values is not None
    if mode.integer_weights:
        axis = _FLOAT_AXIS[op.code]
        scales = channel_scales(values, axis=axis)
        quantized = QuantizedMatrix(quantize_channels(values, scales, axis=axis), scales)
        weights = unpacked_constant(graph, f"{name}/weights", values, quantized, axis)
    else:
        weights = float_constant(graph, f"{name}/weights", values, mode)
    before, *after = (activations.read(index) for i, index in enumerate(op.inputs) if i != 1)
    result = activations.declare(output, FLOAT32)
    graph.operator(op.code, [before, weights, *after], [result], op.options, op.version)
