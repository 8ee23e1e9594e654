"""The uint8 fully connected layer in numpy, as gemmlowp and TensorFlow Lite define it.

    acc = sum_k (w[row][k] - zero_point_w) * (x[k] - zero_point_x) + bias          (wraps, int32)

and then one of

    fixed point:   y = clamp(divide(high(acc)) + zero_point_y)     gemmlowp: two roundings
    float factor:  y = clamp(round(float(acc) * (s_x * s_w / s_y)) + zero_point_y)         XNNPACK

The first is what `tfpipeline.fully_connected` does with uint8 vectors, the second what a stock
FULLY_CONNECTED does that `accelerate_builtin` takes over, because XNNPACK would run it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.quantize import affine_ends

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]


def wrap(values: ArrayLike) -> Int32Array:
    """Return the low 32 bits of integers, as int32."""
    return (np.asarray(values, np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def quantize_multiplier(multiplier: float) -> tuple[int, int]:
    """Return `(mantissa, shift)` with `multiplier ~ mantissa / 2^31 * 2^shift`.

    The mantissa lies in [2^30, 2^31), rounded half up.

    Args:
        multiplier: a positive number within [2^-32, 256).
    """
    fraction, shift = math.frexp(multiplier)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    return (mantissa // 2, shift + 1) if mantissa == 2**31 else (mantissa, shift)


def rounding_doubling_high_mul(values: Int64Array, mantissa: int) -> Int64Array:
    """Return gemmlowp's SaturatingRoundingDoublingHighMul: `values * mantissa / 2^31`, ties up."""
    return (values * mantissa + (1 << 30)) >> 31


def rounding_divide_by_pot(values: Int64Array, exponent: int) -> Int64Array:
    """Return gemmlowp's RoundingDivideByPOT: `values / 2^exponent`, ties away from zero."""
    mask = (1 << exponent) - 1
    return (values >> exponent) + ((values & mask) > (mask >> 1) + (values < 0))


def sums_uint8(
    x: UInt8Array,
    weights: UInt8Array,
    bias: ArrayLike | None,
    *,
    x_zero_point: int,
    w_zero_point: int,
) -> Int32Array:
    """Return the raw sums `(batch, rows)`, int32: gemmlowp's product with no output pipeline.

    Args:
        x: uint8 `(batch, depth)`.
        weights: uint8 `(rows, depth)`.
        bias: int32 `(rows,)`, or None.
        x_zero_point, w_zero_point: 0 to 255.
    """
    centred = np.asarray(x).astype(np.int64) - x_zero_point
    acc = centred @ (np.asarray(weights).astype(np.int64) - w_zero_point).T
    return wrap(acc if bias is None else acc + np.asarray(bias, np.int64))


def fully_connected_uint8(
    x: UInt8Array,
    weights: UInt8Array,
    bias: ArrayLike | None,
    *,
    x_scale: float,
    x_zero_point: int,
    w_scale: float,
    w_zero_point: int,
    y_scale: float,
    y_zero_point: int,
    activation: str = "none",
    fixed_point: bool = True,
) -> UInt8Array:
    """Return the layer's output `(batch, rows)`, bit for bit that of every kernel.

    Args:
        x: uint8 `(batch, depth)`.
        weights: uint8 `(rows, depth)`.
        bias: int32 `(rows,)` of scale `x_scale * w_scale`, or None.
        x_scale, w_scale, y_scale: scales.
        x_zero_point, w_zero_point, y_zero_point: 0 to 255.
        activation: "none", "relu" or "relu6".
        fixed_point: gemmlowp's output pipeline; otherwise XNNPACK's.
    """
    acc = sums_uint8(x, weights, bias, x_zero_point=x_zero_point, w_zero_point=w_zero_point)
    low, high = affine_ends(activation, y_scale, y_zero_point, 0, 255)
    product = np.float32(x_scale) * np.float32(w_scale)
    if not fixed_point:
        multiplier = product / np.float32(y_scale)
        levels = np.clip(
            acc.astype(np.float32) * multiplier,
            np.float32(low - y_zero_point),
            np.float32(high - y_zero_point),
        )
        return (np.rint(levels) + np.float32(y_zero_point)).astype(np.uint8)
    mantissa, shift = quantize_multiplier(float(product) / float(np.float32(y_scale)))
    shifted = wrap(acc.astype(np.int64) << max(shift, 0)).astype(np.int64)
    scaled = rounding_doubling_high_mul(shifted, mantissa)
    divided = rounding_divide_by_pot(scaled, max(-shift, 0))
    return np.clip(divided + y_zero_point, low, high).astype(np.uint8)
