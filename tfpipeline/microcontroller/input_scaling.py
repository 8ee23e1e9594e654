"""A `Normalization` layer in integers: raw numbers of a sensor to what a cell reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfpipeline.numerics.byte_cells.fixed_point import INT16_MAX, IntArray, saturate

#: Multipliers keep 14 bits: a difference of two int16 has 17, and its product 31.
MULTIPLIER_BITS = 14
_MOST_SHIFT = 30


@dataclass(frozen=True, eq=False)
class InputScaling:
    """`x = saturate(((raw - mean) * multiplier + half) >> shift)` for each feature, in int32.

    Args:
        raw_bits: fraction of the raw numbers, int16; negative where they are larger than int16.
        mean: `(features,)`, int16.
        multiplier: `(features,)`, from 0 to 2^14, int16.
        shift: `(features,)`, from 0 to 30, uint8; `half` is half of 2^shift.
    """

    raw_bits: int
    mean: IntArray
    multiplier: IntArray
    shift: IntArray

    @classmethod
    def of(cls, mean: ArrayLike, deviation: ArrayLike, x_bits: int, largest: float) -> InputScaling:
        """Return the integers of `(raw - mean) / deviation`.

        Args:
            mean: `(features,)`.
            deviation: `(features,)`, positive.
            x_bits: fraction of the result.
            largest: largest magnitude of the raw numbers.

        Raises:
            ValueError: a deviation is so small beside the largest number that int16 has no step
                for it.
        """
        means, deviations = np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
        raw_bits = fraction_bits(largest)
        ratio = 2.0 ** (x_bits - raw_bits) / deviations
        if not (ratio < 2**MULTIPLIER_BITS).all():
            raise ValueError(
                f"a feature with a deviation of {deviations.min():.4g} has no int16 beside numbers "
                f"up to {largest:.4g}; bring the features to the same units before the model."
            )
        _, exponents = np.frexp(ratio)
        shift = np.clip(MULTIPLIER_BITS - exponents, 0, _MOST_SHIFT)
        return cls(
            raw_bits=raw_bits,
            mean=saturate(np.rint(means * 2.0**raw_bits)).astype(np.int16),
            multiplier=np.rint(ratio * 2.0**shift).astype(np.int16),
            shift=shift.astype(np.uint8),
        )

    def to_raw(self, values: ArrayLike) -> IntArray:
        """Return raw numbers as int16: ties to even, cut at both ends."""
        scaled = np.asarray(values, np.float64) * 2.0**self.raw_bits
        return saturate(np.rint(scaled)).astype(np.int16)

    def __call__(self, raw: IntArray) -> IntArray:
        """Return x in int16.

        Args:
            raw: `(..., features)` in int16.
        """
        shift = self.shift.astype(np.int32)
        product = (raw.astype(np.int32) - self.mean) * self.multiplier.astype(np.int32)
        half = (1 << shift) >> 1
        return saturate((product + half) >> shift).astype(np.int16)


def fraction_bits(largest: float) -> int:
    """Return the most bits of fraction with which a magnitude fits into int16."""
    if largest <= 0:
        return MULTIPLIER_BITS
    return int(np.floor(np.log2(INT16_MAX / largest)))
