"""Weights in any format, and the ops that multiply with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode
from tfpipeline.export.quantize.few_bits import fits_two_bits
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.quantize import quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix

_HYBRID_VALUES = 1024
"""Float activations times integer weights are products of integers from this many weights on, as in
files of TensorFlow's converter: quantizing the activations at every call costs more than it saves
in a smaller product."""
_UNPACKING_BYTES = 192
"""What a DEQUANTIZE and its tensor take in a file; a channel takes 12 bytes more."""
_SMALLEST_PRODUCT = 2.0**-31
"""A step of a product, in steps of the output; our ops take 2^-32 and more."""
_LARGEST_BIAS = {INT8: 2.0**24, INT16: 2.0**30}
"""In steps of the accumulator, by activations. It has 32 bits, of which int8 kernels for weights of
4 bits take four for themselves; the steps of int16 are so much finer that they need the others."""


def weight_bits(mode: Mode, matrices: Sequence[np.ndarray]) -> int:
    """Bits of a layer's weights: 2 only where they fit, because nothing else would be left."""
    if mode.weight_bits == 2 and not fits_two_bits(matrices):
        return 8
    return mode.weight_bits


def float_constant(graph: GraphBuilder, name: str, values: np.ndarray, mode: Mode) -> int:
    """Return a constant that ops read as float32; stored as float16 where the mode says so."""
    values = np.asarray(values, np.float32)
    if mode.weights != "float16":
        return graph.constant(name, values)
    stored = graph.constant(f"{name}/float16", values.astype(np.float16))
    result = graph.tensor(name, values.shape, np.float32)
    graph.operator("DEQUANTIZE", [stored], [result], schema.DequantizeOptionsT(), version=3)
    return result


def integer_constant(
    graph: GraphBuilder, name: str, matrix: QuantizedMatrix, bits: int, axis: int = 0
) -> int:
    """Per-channel integer weights."""
    q = Quantization.per_channel(matrix.scales, axis)
    return graph.packed_constant(name, matrix.values, q, bits)


def is_hybrid(code: str, values: np.ndarray) -> bool:
    """Return whether a product of float activations with 8-bit weights quantizes them on the fly.

    Not where weights are few, and no depthwise convolution: XNNPACK has no such kernel, and the
    runtime's own is six to eleven times as slow as XNNPACK's in float32.
    """
    return code != "DEPTHWISE_CONV_2D" and values.size >= _HYBRID_VALUES


def unpacked_constant(
    graph: GraphBuilder,
    name: str,
    values: np.ndarray,
    matrix: QuantizedMatrix,
    axis: int = 0,
    bits: int = 8,
) -> int:
    """Per-channel weights that a float32 op reads; of 8 bits runtimes unpack them once.

    Of two bits they unpack them at every call. Where scales, zero points and the further op take
    more bytes than such weights save, the weights stay in float32.
    """
    saved = (4 - bits / 8) * values.size
    if saved <= _UNPACKING_BYTES + 12 * len(matrix.scales):
        return graph.constant(name, np.asarray(values, np.float32))
    stored = integer_constant(graph, f"{name}/int{bits}", matrix, bits, axis)
    result = graph.tensor(name, matrix.values.shape, np.float32)
    version = {8: 5, 2: 7}[bits]
    graph.operator("DEQUANTIZE", [stored], [result], schema.DequantizeOptionsT(), version)
    return result


def integer_bias(
    graph: GraphBuilder,
    name: str,
    bias: np.ndarray | None,
    count: int,
    scales: np.ndarray,
    activations: str,
    quantization: Quantization | None = None,
) -> int:
    """Return a bias in units of the accumulators: int32, or int64 for int16 activations.

    Its quantization has a scale a row unless it is given.
    """
    dtype = np.int64 if activations == INT16 else np.int32
    values = np.zeros(count) if bias is None else bias / scales.astype(np.float64)
    limit = np.iinfo(np.int32)
    stored = np.clip(np.rint(values), limit.min, limit.max).astype(dtype)
    return graph.constant(name, stored, quantization or Quantization.per_channel(scales))


def fully_connected(
    graph: GraphBuilder,
    name: str,
    x: int,
    input_scale: float | None,
    values: np.ndarray,
    quantized: QuantizedMatrix,
    bits: int,
    mode: Mode,
    bias: np.ndarray | None,
    shape: Sequence[int],
    output: Quantization | None,
    options: Any = None,
) -> int:
    """Add a FULLY_CONNECTED in any mode and return its output.

    Args:
        graph: Where to.
        name: Of the output.
        x: The input, in the mode's format of activations.
        input_scale: Its scale; None for float32.
        values: float32 weights `(out, in)`.
        quantized: The same as integers.
        bits: Of an integer weight.
        mode: Formats of activations and weights.
        bias: float32 `(out,)`, or None.
        shape: Of the output.
        output: Quantization of the output; None for float32.
        options: `schema.FullyConnectedOptionsT` of the float op, if there was one.
    """
    options = options or schema.FullyConnectedOptionsT()
    if mode.activations == FLOAT32:
        version = 1
        if bits == 8 and mode.integer_weights and not is_hybrid("FULLY_CONNECTED", values):
            weights = unpacked_constant(graph, f"{name}/weights", values, quantized)
        elif mode.integer_weights:
            weights = integer_constant(graph, f"{name}/weights", quantized, bits)
            # Per-channel weights with float activations: TensorFlow Lite quantizes x on the fly.
            version = 12 if bits == 8 else 13
            options.asymmetricQuantizeInputs = bits == 8
        elif mode.unpacked and bits == 2:
            weights = unpacked_constant(graph, f"{name}/weights", values, quantized, bits=2)
        else:
            weights = float_constant(graph, f"{name}/weights", values, mode)
        inputs = [x, weights, -1]
        if bias is not None:
            inputs[2] = graph.constant(f"{name}/bias", np.asarray(bias, np.float32))
        result = graph.tensor(name, shape, np.float32)
        graph.operator("FULLY_CONNECTED", inputs, [result], options, version)
        return result
    assert input_scale is not None and output is not None
    quantized = rows_that_hold_bias(values, quantized, bits, bias, input_scale, mode)
    scales = (np.float32(input_scale) * quantized.scales).astype(np.float32)
    if mode.per_channel or bits < 8:
        # Kernels for fewer bits know one scale a row only.
        q, bias_q = Quantization.per_channel(quantized.scales), Quantization.per_channel(scales)
    else:
        q, bias_q = Quantization.of_rows(quantized.scales), Quantization.of_rows(scales)
    weights = graph.packed_constant(f"{name}/weights", quantized.values, q, bits)
    stored = integer_bias(
        graph, f"{name}/bias", bias, len(quantized.scales), scales, mode.activations, bias_q
    )
    result = graph.tensor(name, shape, np.dtype(mode.activations), output)
    version = {8: 5, 4: 10, 2: 14}[bits] if mode.activations != INT16 else 7
    graph.operator("FULLY_CONNECTED", [x, weights, stored], [result], options, version)
    return result


def dense(values: np.ndarray, mode: Mode) -> tuple[QuantizedMatrix, int]:
    """Return the integers of a dense kernel `(out, in)` and their number of bits."""
    bits = weight_bits(mode, [values])
    return quantize_rows(values, bits, mode.per_channel), bits


def rows_that_hold_bias(
    values: np.ndarray,
    quantized: QuantizedMatrix,
    bits: int,
    bias: np.ndarray | None,
    input_scale: float | None,
    mode: Mode,
) -> QuantizedMatrix:
    """Return the same integers, but for rows whose scale `scales_that_hold_bias` raises."""
    scales = scales_that_hold_bias(quantized.scales, bias, input_scale, mode)
    if not (scales > quantized.scales).any():
        return quantized
    if not mode.per_channel and np.all(quantized.scales == quantized.scales[0]):
        scales = np.full_like(scales, scales.max())
    return QuantizedMatrix(quantize_channels(values, scales, axis=0, bits=bits), scales)


def rows_our_ops_take(
    values: np.ndarray, quantized: QuantizedMatrix, bits: int, ratio: float
) -> QuantizedMatrix:
    """Return the same integers, but for rows that are next to nothing in steps of the output.

    A row that pruning zeroed has a scale that is smaller than any product needs, and our ops refuse
    it. What it adds to the output stays nothing.

    Args:
        values: float32 weights `(out, in)`.
        quantized: The same as integers.
        bits: Of an integer.
        ratio: Scale of the input over that of the output.
    """
    least = np.float32(_SMALLEST_PRODUCT / ratio)
    if not (quantized.scales < least).any():
        return quantized
    scales = np.maximum(quantized.scales, least)
    return QuantizedMatrix(quantize_channels(values, scales, axis=0, bits=bits), scales, bits)


def scales_that_hold_bias(
    scales: np.ndarray, bias: np.ndarray | None, input_scale: float | None, mode: Mode
) -> np.ndarray:
    """Return scales of weights by channel, raised where a bias in their steps would exceed 32 bits.

    As in a dead channel, whose weights are next to nothing while its bias is not.
    """
    if bias is None or input_scale is None:
        return scales
    largest = _LARGEST_BIAS[mode.activations]
    return np.maximum(scales, np.abs(bias) / (input_scale * largest)).astype(np.float32)
