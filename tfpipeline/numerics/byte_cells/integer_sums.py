"""Sums of products of an integer step: `x W + h U` in int32 that cannot overflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.numerics.byte_cells.cell_weights import ByteWeights
from tfpipeline.numerics.byte_cells.fixed_point import (
    INT32_MAX,
    IntArray,
    round_to_one,
    shift_right,
)

#: The largest magnitude of an int16.
_VECTOR_MAX = 2**15
#: A gate looks at twice as much.
_LARGEST_ONE = 2**29


@dataclass(frozen=True, eq=False)
class _Factors:
    """One kernel: `shift_right(v first, bits) second`, or times a number in place of `second`."""

    first: IntArray
    second: IntArray | None
    factor: int

    def __call__(self, vector: IntArray, bits: int) -> IntArray:
        inner = shift_right(vector.astype(np.int32) @ self.first, bits)
        return inner * np.int32(self.factor) if self.second is None else inner @ self.second

    def largest_inner(self) -> IntArray:
        """Return the largest magnitude of each sum before the shift, for any vector."""
        return _VECTOR_MAX * np.abs(self.first.astype(np.int64)).sum(axis=0)

    def largest(self, bits: int) -> IntArray:
        """Return the same of each sum behind it."""
        inner = shift_right(self.largest_inner(), bits)
        if self.second is None:
            return inner * self.factor
        return inner @ np.abs(self.second.astype(np.int64))

    def rounding(self, bits: int) -> IntArray:
        """Return the most that the rounding of the shift adds to each sum."""
        half = 0.5 if bits else 0.0
        if self.second is None:
            return np.full(self.first.shape[1], half * self.factor)
        return half * np.abs(self.second.astype(np.float64)).sum(axis=0)


class IntegerSums:
    """`p = x W + h U` as int32, in units of 1 / `one`, which has at most 15 significant bits.

    Bytes are multiples of 1 / S. Where a kernel has two factors, its sums are multiples of
    1 / S^2, so those of a plain kernel beside it are multiplied by S. The vector between two
    factors is shifted right, by the least number of bits with which the largest sum that any
    vectors can give still fits into int32.

        plain:     p = x W + shift(h U, d)                              one = S 2^x_bits
        factored:  p = shift(x W1, s) W2 + shift(h U1, s + d) U2        one = S^2 2^x_bits / 2^s
        d = state_bits - x_bits,  shift = `fixed_point.shift_right`

    Args:
        weights: the bytes.
        x_bits: fraction of x: an int16 stands for itself over 2^x_bits.
        state_bits: the same of h; not below `x_bits`.

    Raises:
        ValueError: no shift makes the sums fit.
    """

    def __init__(self, weights: ByteWeights, x_bits: int, state_bits: int) -> None:
        self._weights = weights
        self._x_bits, self._more = x_bits, state_bits - x_bits
        self._factored = max(len(weights.kernel), len(weights.recurrent_kernel)) > 1
        self._kernels = tuple(map(self._factors, (weights.kernel, weights.recurrent_kernel)))
        shifts = range(31) if self._factored else (0,)
        fitting = [shift for shift in shifts if self._fit(shift)]
        if not fitting:
            raise ValueError(
                f"sums of {weights.features} features and {weights.units} units with "
                f"{x_bits} bits of fraction do not fit into 32 bits; take smaller `x_bits`, "
                "fewer features or units, or sparser matrices."
            )
        self.shift: int = fitting[0]
        self.one = round_to_one(self.exact_one())
        self.bias = self._bias(self.shift).astype(np.int32)

    def __call__(self, x: IntArray, h: IntArray) -> IntArray:
        """Return the sums without a bias, `(batch, units)` in int32.

        Args:
            x: `(batch, features)` in int16.
            h: `(batch, units)` in int16.
        """
        of_x, of_h = self._kernels
        if self._factored:
            return of_x(x, self.shift) + of_h(h, self.shift + self._more)
        # Without a second factor the shift follows the whole sum.
        return of_x(x, 0) + of_h(h, self._more)

    def largest(self) -> int:
        """Return the largest magnitude of any int32 on the way, for any vectors."""
        return self._largest(self.shift)

    def error(self) -> float:
        """Return by how much `(p + bias) / one` may differ from the exact value, where |p| <= one.

        Half a step a shift, through the second factors; half a step of the bias and of `one`.
        """
        of_x, of_h = self._kernels
        shift = self.shift
        rounding = of_x.rounding(shift) + of_h.rounding(shift + self._more)
        inexact = 0.5 if self._scale_bits(shift) else 0.0
        exact = self.exact_one()
        return float((rounding.max() + inexact) / exact + abs(self.one - exact) / exact)

    def exact_one(self) -> float:
        """Return the sum that stands for 1, before it is rounded."""
        scale = float(self._weights.scale)
        return (scale * scale if self._factored else scale) * 2.0 ** (self._x_bits - self.shift)

    def _factors(self, matrices: tuple[IntArray, ...]) -> _Factors:
        first = matrices[0].astype(np.int32)
        second = matrices[1].astype(np.int32) if len(matrices) == 2 else None
        return _Factors(first, second, self._weights.scale if self._factored else 1)

    def _scale_bits(self, shift: int) -> int:
        """Return how many bits of the bias a shift cuts."""
        return max(0, shift - self._x_bits)

    def _bias(self, shift: int) -> IntArray:
        """Return the bias in units of the sums: it is computed once, with 64 bits."""
        bias = self._weights.bias.astype(np.int64) * (self._weights.scale if self._factored else 1)
        bias = bias << max(0, self._x_bits - shift)
        return shift_right(bias, self._scale_bits(shift))

    def _largest(self, shift: int) -> int:
        of_x, of_h = self._kernels
        inner = [
            kernel.largest_inner() + (1 << bits >> 1)
            for kernel, bits in ((of_x, shift), (of_h, shift + self._more))
        ]
        outer = of_x.largest(shift) + of_h.largest(shift + self._more)
        outer = outer + np.abs(self._bias(shift)).max(axis=0)
        return int(max(outer.max(), *(values.max() for values in inner)))

    def _fit(self, shift: int) -> bool:
        self.shift = shift
        return self._largest(shift) <= INT32_MAX and 1 <= self.exact_one() <= _LARGEST_ONE
