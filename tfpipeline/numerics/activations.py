"""Gate functions as one fixed sequence of IEEE float32 operations.

Every kernel of `custom_ops` and this file run the same multiplications, additions and divisions
in the same order, with no fused multiply-add and no library call, so they return the same bits.

    2^y      = (1 + f*c1 + ... + f^5*c5) * 2^n,  n = round(y), f = y - n      (Horner's scheme)
    sigmoid  = 1 / (1 + 2^y),        y = clamp(x * -log2(e), -43, 43)
    tanh     = sign(x) * (1 - 2^y) / (1 + 2^y),  y = max(|x| * -2*log2(e), -43)

The polynomial is a relative minimax fit over f in [-0.5, 0.5] with c0 fixed to 1, so that
sigmoid(0) = 0.5 and tanh(0) = 0 exactly. Clamping y keeps every result out of the subnormal
range: flush-to-zero modes therefore change nothing.

Piecewise-linear ones, for cells that are trained with them: clamp(x * slope + offset, low, high).

    hard_sigmoid    clamp(x / 6 + 0.5, 0, 1)        that of Keras 3
    quant_sigmoid   clamp(x / 2 + 0.5, 0, 1)        quantSigm of Kusupati et al. 2018
    quant_sigmoid4  clamp(x / 4 + 0.5, 0, 1)        quantSigm4 of their library
    hard_tanh       clamp(x, -1, 1)                 their quantTanh
    relu            clamp(x, 0, 32768)              within what states may reach
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]

#: Largest absolute error of `sigmoid` and `tanh` against exact arithmetic, for any finite input.
MAX_ABSOLUTE_ERROR = 2e-7

# Adding and then subtracting 1.5 * 2^23 rounds to the nearest integer, ties to even.
ROUNDING_MAGIC = np.float32(12582912.0)
SIGMOID_FACTOR = np.float32(float.fromhex("-0x1.715476p+0"))
TANH_FACTOR = np.float32(float.fromhex("-0x1.715476p+1"))
EXPONENT_LIMIT = np.float32(43.0)
EXP2_COEFFICIENTS = tuple(
    np.float32(float.fromhex(text))
    for text in (
        "0x1.62e42ap-1",
        "0x1.ebf9c2p-3",
        "0x1.c6b6d8p-5",
        "0x1.3ce8b0p-7",
        "0x1.5bda7ap-10",
    )
)

_ONE = np.float32(1.0)


def _exp2_in_range(y: Float32Array) -> Float32Array:
    c1, c2, c3, c4, c5 = EXP2_COEFFICIENTS
    shifted = y + ROUNDING_MAGIC
    n = shifted - ROUNDING_MAGIC
    f = y - n
    p = f * c5 + c4
    p = p * f + c3
    p = p * f + c2
    p = p * f + c1
    p = p * f + _ONE
    return np.ldexp(p, n.astype(np.int32))


def exp2(y: ArrayLike) -> Float32Array:
    """Return 2^y for y clamped to [-43, 43]; relative error at most 2.5e-7."""
    values = np.asarray(y, dtype=np.float32)
    return _exp2_in_range(np.minimum(np.maximum(values, -EXPONENT_LIMIT), EXPONENT_LIMIT))


def sigmoid(x: ArrayLike) -> Float32Array:
    """Return 1 / (1 + exp(-x)) with an absolute error of at most 2e-7."""
    with np.errstate(over="ignore"):  # an infinite product is clamped like any other
        y = np.asarray(x, dtype=np.float32) * SIGMOID_FACTOR
    e = exp2(y)
    return _ONE / (_ONE + e)


def tanh(x: ArrayLike) -> Float32Array:
    """Return the hyperbolic tangent with an absolute error of at most 2e-7; odd to the last bit."""
    values = np.asarray(x, dtype=np.float32)
    with np.errstate(over="ignore"):
        y = np.abs(values) * TANH_FACTOR
    e = _exp2_in_range(np.maximum(y, -EXPONENT_LIMIT))
    return np.copysign((_ONE - e) / (_ONE + e), values)


@dataclass(frozen=True)
class PiecewiseLinear:
    """clamp(x * slope + offset, low, high), each operation rounded; all of them are float32."""

    slope: float
    offset: float
    low: float
    high: float

    def __call__(self, x: ArrayLike) -> Float32Array:
        """Return the function of every number."""
        y = np.asarray(x, dtype=np.float32) * np.float32(self.slope) + np.float32(self.offset)
        return np.minimum(np.maximum(y, np.float32(self.low)), np.float32(self.high))


#: The slope is 1/6 as a float32.
hard_sigmoid = PiecewiseLinear(float.fromhex("0x1.555556p-3"), 0.5, 0.0, 1.0)
quant_sigmoid = PiecewiseLinear(0.5, 0.5, 0.0, 1.0)
quant_sigmoid4 = PiecewiseLinear(0.25, 0.5, 0.0, 1.0)
hard_tanh = PiecewiseLinear(1.0, 0.0, -1.0, 1.0)
relu = PiecewiseLinear(1.0, 0.0, 0.0, 32768.0)

Activation = Callable[[ArrayLike], Float32Array]

#: The gate functions by the names that options give them.
FUNCTIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "hard_sigmoid": hard_sigmoid,
    "quant_sigmoid": quant_sigmoid,
    "quant_sigmoid4": quant_sigmoid4,
    "hard_tanh": hard_tanh,
    "relu": relu,
}
