"""gemmlowp's fixed-point functions on integers: sigmoid and tanh of int16, scales, 1 / sqrt.

A number of `bits` integer bits is an integer of 15 (or 31) bits and a sign, which stands for
`integer / 2^(15 - bits)`. Source: gemmlowp, fixedpoint/fixedpoint.h (Apache 2.0); here its
definitions are followed on int64 arrays, in its order of operations.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.fully_connected_uint8 import (
    quantize_multiplier,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
    wrap,
)

Int64Array = NDArray[np.int64]

#: exp(-1/4), exp(-1/2), exp(-1) ... exp(-16); exp(-1/8), 1/3, 48/17, -32/17: times 2^31 or 2^29.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_EIGHTH, _THIRD, _48_17, _32_17 = 1895147668, 715827883, 1515870810, -1010580540
_SQRT_HALF = 1518500250


def _constant(value: int) -> int:
    """Return the upper 16 bits of a 32-bit constant, rounded."""
    return int(rounding_divide_by_pot(np.array([value], np.int64), 16)[0])


def _saturate(values: Int64Array, bits: int) -> Int64Array:
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def _multiply(a: Int64Array, b: ArrayLike) -> Int64Array:
    """Return the product of two numbers of 16 bits, rounded half up."""
    return _saturate((a * np.asarray(b, np.int64) + (1 << 14)) >> 15, 16)


def _wrap16(values: Int64Array) -> Int64Array:
    return ((values + (1 << 15)) & 0xFFFF) - (1 << 15)


def _exp_on_quarter(a: Int64Array) -> Int64Array:
    """Return exp(a) for a in [-1/4, 0), no integer bits: Taylor's polynomial around -1/8."""
    x = a + (1 << 12)
    x2 = _multiply(x, x)
    x3, x4 = _multiply(x2, x), _multiply(x2, x2)
    third = _multiply(rounding_divide_by_pot(x4, 2) + x3, _constant(_THIRD))
    rest = rounding_divide_by_pot(third + x2, 1)
    constant = _constant(_EXP_EIGHTH)
    return _saturate(constant + _multiply(x + rest, constant), 16)


def exp_on_negative(a: Int64Array, bits: int) -> Int64Array:
    """Return exp(a), no integer bits, for a < 0 of `bits` integer bits."""
    quarter = 1 << (13 - bits)
    within = (a & (quarter - 1)) - quarter
    result = _exp_on_quarter(_saturate(within << bits, 16))
    rest = within - a
    for k, factor in enumerate(_EXP_FACTORS[: bits + 2]):
        smaller = _multiply(result, _constant(factor))
        result = np.where(rest & (quarter << k), smaller, result)
    if bits > 5:
        result = np.where(a < -32 * (1 << (15 - bits)), 0, result)
    return np.where(a == 0, 32767, result)


def _two_over_one_plus(a: Int64Array) -> Int64Array:
    """Return 2 / (1 + a), two integer bits, for a in (0, 1): Newton's method, three times."""
    half = (a + 32768) >> 1
    x = _constant(_48_17) + _multiply(half, _constant(_32_17))
    for _ in range(3):
        rest = (1 << 13) - _multiply(half, x)
        x = _wrap16(x + _saturate(_multiply(x, rest) << 2, 16))
    return x


def sigmoid_fixed(x: ArrayLike) -> Int64Array:
    """Return 1 / (1 + exp(-x)), no integer bits, of int16 numbers with three."""
    x = np.asarray(x, np.int64)
    above = _saturate(_two_over_one_plus(exp_on_negative(-np.abs(x), 3)) << 1, 16)
    return np.where(x == 0, 1 << 14, np.where(x > 0, above, 32767 - above))


def tanh_fixed(x: ArrayLike, bits: int) -> Int64Array:
    """Return tanh(x), no integer bits, of int16 numbers with `bits`, 0 to 6."""
    x = np.asarray(x, np.int64)
    quotient = _two_over_one_plus(exp_on_negative(-np.abs(x), bits + 1))
    above = _saturate((quotient - (1 << 13)) << 2, 16)
    return np.where(x == 0, 0, np.where(x > 0, above, -above))


def fixed_scale(factor: float) -> tuple[int, int]:
    """Return `(mantissa, shift)`: `factor ~ mantissa / 2^31 * 2^shift`; `(0, 0)` below 2^-32."""
    if factor == 0.0:
        return 0, 0
    mantissa, shift = quantize_multiplier(factor)
    return (mantissa, shift) if shift >= -31 else (0, 0)


def apply_scale(values: ArrayLike, scale: tuple[int, int]) -> Int64Array:
    """Return int32 `values` times a scale, rounded twice; a shift to the left wraps around."""
    mantissa, shift = scale
    shifted = wrap(np.asarray(values, np.int64) << max(shift, 0)).astype(np.int64)
    return rounding_divide_by_pot(rounding_doubling_high_mul(shifted, mantissa), max(-shift, 0))


def inverse_sqrt_scale(value: int) -> tuple[int, int]:
    """Return 1 / sqrt(value) as a scale, for an integer `value` >= 1."""
    if value <= 1:
        return (1 << 31) - 1, 0
    right = 11
    while value >= 1 << 29:
        value, right = value // 4, right + 1
    pairs = (31 - value.bit_length()) // 2 - 1
    value, right = value << 2 * pairs, right - pairs

    def multiply(a: int, b: int) -> int:
        return (a * b + (1 << 30)) >> 31

    def raised(a: int, bits: int) -> int:
        return max(-(1 << 31), min((1 << 31) - 1, a << bits))

    half = ((value >> 1) + 1) >> 1
    x = 1 << 28
    for _ in range(5):
        cube = raised(multiply(multiply(x, x), x), 6)
        x = raised(multiply(3 << 27, x) - multiply(half, cube), 3)
    x = multiply(x, _SQRT_HALF)
    return (x, -right) if right >= 0 else (int(wrap(x << -right)), 0)


def checked_log2(scale: float) -> int:
    """Return the exponent of a power of two."""
    fraction, exponent = math.frexp(scale)
    if fraction != 0.5:
        raise ValueError(f"scale must be a power of two; got {scale}: give the cell state such one")
    return exponent - 1
