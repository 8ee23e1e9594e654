"""The few operations on int32 that the integer step is made of, each with its rounding.

All of them have the same bits in C with arithmetic right shifts of int32, which every compiler for
a microcontroller has; none needs a product of more than 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

IntArray = np.ndarray

INT32_MAX = 2**31 - 1
INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
#: Fractions of what the gates give: n in [-1, 1] as n * 2^14, z in [0, 1] as z * 2^15.
UNIT_BITS, GATE_BITS = 14, 15
_KEPT_BITS = 15


def shift_right(values: IntArray, bits: int) -> IntArray:
    """Return floor(values / 2^bits + 1/2): ties go up, towards plus infinity.

    In C: `(v + (1 << (bits - 1))) >> bits`, or `v` where `bits` is 0.
    """
    return values if bits == 0 else (values + (1 << (bits - 1))) >> bits


def saturate(values: IntArray) -> IntArray:
    """Return the values clamped to the range of int16."""
    return np.minimum(np.maximum(values, INT16_MIN), INT16_MAX)


def clamp(values: IntArray, limit: int) -> IntArray:
    """Return the values clamped to [-limit, limit]."""
    return np.minimum(np.maximum(values, -limit), limit)


def to_fixed(value: float, bits: int) -> int:
    """Return round(value * 2^bits) of a constant, ties to even."""
    return int(np.rint(value * 2.0**bits))


def round_to_one(value: float) -> int:
    """Return a positive number of at least 1 rounded to 15 significant bits, ties to even."""
    spare = max(0, int(value).bit_length() - _KEPT_BITS)
    return int(np.rint(value / 2**spare)) << spare


@dataclass(frozen=True)
class ToUnit:
    """Maps sums in [-one, one] to [-2^14, 2^14]: `shift_right(shift_right(v, before) * m, after)`.

    Args:
        one: the sum that stands for 1, as `round_to_one` makes it; it becomes exactly 2^14.
        before: bits that are dropped, so that 15 are left.
        multiplier: from 2^14 to 2^15.
        after: bits of the product that are dropped.
    """

    one: int
    before: int
    multiplier: int
    after: int

    @classmethod
    def of(cls, one: int) -> ToUnit:
        """Return the map whose multiplier has as many bits as fit."""
        before = max(0, one.bit_length() - _KEPT_BITS)
        kept = one >> before
        after = 0
        while 2 ** (UNIT_BITS + after + 1) <= 2**15 * kept:
            after += 1
        # Rounded up, so that `one` itself arrives where it should.
        return cls(one, before, -(-(2 ** (UNIT_BITS + after)) // kept), after)

    def __call__(self, sums: IntArray) -> IntArray:
        """Clamp the sums to [-one, one] and map them."""
        kept = shift_right(clamp(sums, self.one), self.before)
        return clamp(shift_right(kept * np.int32(self.multiplier), self.after), 1 << UNIT_BITS)

    @property
    def error(self) -> float:
        """Most by which a result over 2^14 differs from the exact quotient, clamped."""
        dropped = 0.5 * 2**self.before / self.one if self.before else 0.0
        factor = self.multiplier * (self.one >> self.before) / 2 ** (UNIT_BITS + self.after)
        rounded = 0.5 / 2**UNIT_BITS if self.after else 0.0
        return dropped + abs(factor - 1) * (1 + dropped) + rounded
