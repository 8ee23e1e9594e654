"""Softmax and sigmoid of int32 scores, in integers of 32 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.numerics.byte_cells.fixed_point import IntArray

#: Fraction of the exponent, and bits of it that choose an entry of the table of 2^-f.
EXPONENT_BITS, INDEX_BITS = 14, 6
BETWEEN_BITS = EXPONENT_BITS - INDEX_BITS
#: Entries are multiples of 2^-15, powers of 2^-23, probabilities of 2^-16.
TABLE_BITS, POWER_BITS, PROBABILITY_BITS = 15, 23, 16
POWERS = np.rint(2.0 ** (TABLE_BITS - np.arange((1 << INDEX_BITS) + 1) / (1 << INDEX_BITS)))
#: From here on a power is 0; many smaller ones than a probability's step would add up.
LARGEST_EXPONENT = 24
#: Shifts of uint32.
_MOST_SHIFT = 31
#: Sums of powers stay below 2^32.
MOST_SCORES = 256
MOST = (1 << PROBABILITY_BITS) - 1
_UINT32 = 1 << 32
_DISTANCE_BITS = 16


@dataclass(frozen=True)
class ToExponent:
    """Maps a distance of two scores to an exponent of 2, times 2^14; all of it in uint32.

        t = ((min(d, limit) + half of 2^before) >> before) * multiplier + half of 2^after) >> after

    Args:
        limit: distances beyond count as this one.
        before: bits that are dropped, so that 16 are left.
        multiplier: what stands for log2(e) over the unit of the scores.
        after: bits of the product that are dropped.
    """

    limit: int
    before: int
    multiplier: int
    after: int

    @classmethod
    def of(cls, unit: float) -> ToExponent:
        """Return the map for scores that stand for themselves over `unit`."""
        limit = int(min(np.ceil(LARGEST_EXPONENT * np.log(2.0) * unit), _UINT32 - (1 << 17)))
        before = max(0, limit.bit_length() - _DISTANCE_BITS)
        kept = (limit + (1 << before >> 1)) >> before
        ratio = 2.0 ** (EXPONENT_BITS + before) / (np.log(2.0) * unit)
        ratio = min(ratio, (_MOST_SHIFT << EXPONENT_BITS) / kept)
        fitting = [
            after
            for after in range(32)
            if (round(ratio * 2**after) + 1) * (kept + 1) + (1 << after) < _UINT32
        ]
        after = max(fitting, default=0)
        return cls(limit, before, round(ratio * 2**after), after)

    def __call__(self, distances: IntArray) -> IntArray:
        """Return the exponents of int64 distances from 0 to 2^32 - 1."""
        kept = (np.minimum(distances, self.limit) + (1 << self.before >> 1)) >> self.before
        return (kept * self.multiplier + (1 << self.after >> 1)) >> self.after


class IntegerProbabilities:
    """Probabilities as uint16, in units of 1/65536, of a classifier's int32 scores.

    The twin of `tfpipeline.detection.units.score_units`, within 8 units:

        softmax:  d = max s - s,  e = 2^-t(d),  q = e / sum e
        sigmoid:  d = |s|,        e = 2^-t(d),  q = (1 or e) / (1 + e), with 1 where s >= 0

    A power is read between two entries of a table of 65, `e = (a[i] 256 - (a[i] - a[i + 1]) r)`
    shifted right by the whole part of t; the quotient is a product with `2^31 / (sum >> 8)`, one
    division for all.

    Args:
        unit: a score stands for itself over this.
        sigmoid: whether each score is a probability of its own.
    """

    def __init__(self, unit: float, sigmoid: bool) -> None:
        self.exponent = ToExponent.of(unit)
        self.sigmoid = sigmoid

    def __call__(self, scores: IntArray) -> IntArray:
        """Return `(frames, classes)` in uint16.

        Args:
            scores: the same in int32.
        """
        wide = scores.astype(np.int64)
        if self.sigmoid:
            powers = self._powers(np.abs(wide))
            totals = powers + (1 << POWER_BITS)
            powers = np.where(wide >= 0, 1 << POWER_BITS, powers)
        else:
            powers = self._powers(wide.max(axis=1, keepdims=True) - wide)
            totals = powers.sum(axis=1, keepdims=True)
        return _quotients(powers, totals).astype(np.uint16)

    def _powers(self, distances: IntArray) -> IntArray:
        t, table = self.exponent(distances), POWERS.astype(np.int64)
        index = (t & ((1 << EXPONENT_BITS) - 1)) >> BETWEEN_BITS
        rest = t & ((1 << BETWEEN_BITS) - 1)
        between = (table[index] << BETWEEN_BITS) - (table[index] - table[index + 1]) * rest
        return between >> (t >> EXPONENT_BITS)


def _quotients(powers: IntArray, totals: IntArray) -> IntArray:
    reciprocals = (1 << 31) // (totals >> 8)
    rounded = (powers + 128) >> 8
    return np.minimum((rounded * reciprocals + (1 << 14)) >> 15, MOST)
