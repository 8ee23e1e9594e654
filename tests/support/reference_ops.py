"""The reference kernels of LiteRT in numpy, for the ops of a portable recurrent step.

Integers bit for bit: 16-bit elementwise ops in gemmlowp's fixed point, which rounds twice; matrix
products with a multiplier that rounds once; sigmoid and tanh by chords between 256 sigmoids. Each
function takes the values and quantization of the inputs and returns the values of the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.numerics.fully_connected_uint8 import (
    quantize_multiplier,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
)


@dataclass(frozen=True)
class Tensor:
    """A tensor with its values; of an output only shape and type of `values` count.

    `scales` are float32, and empty where it is not quantized.
    """

    values: np.ndarray
    scales: np.ndarray
    zero_point: int = 0

    @property
    def scale(self) -> np.float32:
        (scale,) = self.scales
        return np.float32(scale)

    @property
    def centred(self) -> np.ndarray:
        return self.values.astype(np.int64) - self.zero_point

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Integers around zero in this tensor's format."""
        info = np.iinfo(self.values.dtype)
        return np.clip(values + self.zero_point, info.min, info.max).astype(self.values.dtype)


Kernel = Callable[[Sequence[Tensor | None], Sequence[Tensor], Any], list[np.ndarray]]


def multiply(values: np.ndarray, multiplier: float) -> np.ndarray:
    """Products with a mantissa of 31 bits, rounded twice as in gemmlowp."""
    mantissa, shift = quantize_multiplier(multiplier)
    high = rounding_doubling_high_mul(values << max(shift, 0), mantissa)
    return rounding_divide_by_pot(high, max(-shift, 0))


def multiply_once(values: np.ndarray, multiplier: float) -> np.ndarray:
    """Products with a mantissa of 31 bits, rounded once, ties up: sums of matrix products."""
    mantissa, shift = quantize_multiplier(multiplier)
    return (values * mantissa + (1 << (30 - shift))) >> (31 - shift)


def fully_connected(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    x, weights, bias = inputs
    (y,) = outputs
    assert x is not None and weights is not None
    sums = x.centred @ weights.values.astype(np.int64).T
    if bias is not None:
        sums = sums + bias.values
    scales = np.resize(weights.scales, sums.shape[-1])
    rows = [
        multiply_once(sums[..., row], float(x.scale) * float(scale) / float(y.scale))
        for row, scale in enumerate(scales)
    ]
    return [y.stored(np.stack(rows, axis=-1))]


def _within(kernel: Kernel) -> Kernel:
    """The kernel, and the range that an op's fused activation leaves of its output."""

    def limited(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], options: Any) -> list:
        (y,), (values,) = outputs, kernel(inputs, outputs, options)
        ends = _RANGES[options.fusedActivationFunction]
        if y.values.dtype != np.float32:
            ends = tuple(y.zero_point + np.rint(end / float(y.scale)) for end in ends)
        return [np.clip(values, *ends).astype(values.dtype)]

    return limited


_RANGES = {
    schema.ActivationFunctionType.NONE: (-math.inf, math.inf),
    schema.ActivationFunctionType.RELU: (0.0, math.inf),
    schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
}


def _extreme(of_two: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Kernel:
    def kernel(inputs: Sequence[Tensor | None], _: Sequence[Tensor], __: Any) -> list:
        a, b = inputs
        assert a is not None and b is not None
        return [of_two(a.values, b.values)]

    return kernel


def _added(sign: int) -> Kernel:
    def kernel(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
        a, b = inputs
        (y,) = outputs
        assert a is not None and b is not None
        if y.values.dtype == np.float32:
            return [a.values + np.float32(sign) * b.values]
        # Both are brought to twice the larger scale, with 15 bits more, which an int32 still holds.
        twice = 2.0 * float(max(a.scale, b.scale))
        total = sum(
            s * multiply(t.centred << 15, float(t.scale) / twice) for t, s in ((a, 1), (b, sign))
        )
        return [y.stored(multiply(np.asarray(total), twice / (2.0**15 * float(y.scale))))]

    return kernel


def product(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    a, b = inputs
    (y,) = outputs
    assert a is not None and b is not None
    if y.values.dtype == np.float32:
        return [a.values * b.values]
    # The factors of the multiplier are float32, and so are their products.
    return [y.stored(multiply(a.centred * b.centred, float(a.scale * b.scale / y.scale)))]


def _sigmoids() -> np.ndarray:
    """65536 sigmoid(i / 24), raised by half of what a chord between neighbours lies too low."""
    exact = 1.0 / (1.0 + np.exp(-np.arange(256) / 24.0))
    bend = exact * (1.0 - exact) * (1.0 - 2.0 * exact) / 24.0**2
    table = np.rint(65536.0 * (exact - bend / 16.0)).astype(np.int64)
    table[-1] = 65535
    return table


SIGMOIDS = _sigmoids()
"""The table of the int16 kernels."""


def _table(x: Tensor, fraction: int) -> tuple[np.ndarray, np.ndarray]:
    """Values in steps of the table's arguments, and the interpolated sigmoid of their magnitude."""
    multiplier, shift = float(x.scale) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = 2.0 * multiplier, shift + 1
    half = 1 << (shift - 1) if shift else 0
    steps = (x.centred * int(multiplier) + half) >> shift
    place, between = np.abs(steps) >> fraction, np.abs(steps) & ((1 << fraction) - 1)
    low, high = (SIGMOIDS[np.minimum(place + i, 255)] for i in range(2))
    return steps, np.where(place < 255, (low << fraction) + between * (high - low), -1)


def logistic(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    (x,), (y,) = inputs, outputs
    assert x is not None
    if y.values.dtype == np.float32:
        return [(1.0 / (1.0 + np.exp(-x.values.astype(np.float64)))).astype(np.float32)]
    steps, found = _table(x, 9)
    found = np.where(found < 0, 0x7FFF << 10, found)
    mirrored = (1 << 25) - found + (1 << 9) - 1
    return [(np.where(steps >= 0, found + (1 << 9), mirrored) >> 10).astype(np.int16)]


def tanh(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    (x,), (y,) = inputs, outputs
    assert x is not None
    if y.values.dtype == np.float32:
        return [np.tanh(x.values.astype(np.float64)).astype(np.float32)]
    # 2 sigmoid(2 x) - 1
    steps, found = _table(x, 8)
    found = np.where(found < 0, 0xFFFF << 8, found)
    above = found - (1 << 23) + (1 << 7)
    return [(np.where(steps >= 0, above, -found + (1 << 23) + (1 << 7) - 1) >> 8).astype(np.int16)]


def quantize(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    (x,), (y,) = inputs, outputs
    assert x is not None
    if x.values.dtype == np.float32:
        exact = (x.values / y.scale).astype(np.float64)  # ties away from zero
        return [y.stored((np.sign(exact) * np.floor(np.abs(exact) + 0.5)).astype(np.int64))]
    return [y.stored(multiply(x.centred, float(x.scale) / float(y.scale)))]


def dequantize(inputs: Sequence[Tensor | None], _: Sequence[Tensor], __: Any) -> list:
    (x,) = inputs
    assert x is not None
    return [x.centred.astype(np.float32) * x.scale]


def cast(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    (x,), (y,) = inputs, outputs
    assert x is not None
    return [x.values.astype(y.values.dtype)]


def concatenation(inputs: Sequence[Tensor | None], _: Sequence[Tensor], options: Any) -> list:
    return [np.concatenate([x.values for x in inputs if x is not None], axis=options.axis)]


def split(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    axis, x = inputs
    assert axis is not None and x is not None
    return np.split(x.values, len(outputs), axis=int(axis.values))


def reshape(inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], _: Any) -> list:
    x = inputs[0]
    assert x is not None
    return [x.values.reshape(outputs[0].values.shape)]


KERNELS: dict[str, Kernel] = {
    "FULLY_CONNECTED": fully_connected,
    "ADD": _within(_added(1)),
    "SUB": _within(_added(-1)),
    "MUL": _within(product),
    "MINIMUM": _extreme(np.minimum),
    "MAXIMUM": _extreme(np.maximum),
    "LOGISTIC": logistic,
    "TANH": tanh,
    "QUANTIZE": quantize,
    "DEQUANTIZE": dequantize,
    "CAST": cast,
    "CONCATENATION": concatenation,
    "SPLIT": split,
    "RESHAPE": reshape,
}
"""By name of the builtin op."""

#: Relative error of functions of the C library against float64, two steps of a float32.
FLOAT_TOLERANCE = 2.0 * math.ldexp(1.0, -23)
