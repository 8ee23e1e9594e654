"""Whether quantizers that differ in their scale only train alike under a normalization."""

from __future__ import annotations

from collections.abc import Sequence

#: Under a normalization a scale of the whole matrix cancels.
PAIRS = (("BWN", "BinaryConnect"), ("TWN", "TerConnect"))


def alike(one: Sequence[float], other: Sequence[float], least: float) -> bool:
    """Return whether two means differ by no more than seeds do.

    Args:
        one, other: a number of each seed.
        least: a difference that never counts.
    """
    ranges = [max(values) - min(values) for values in (one, other)]
    difference = abs(sum(one) / len(one) - sum(other) / len(other))
    return difference <= max(least, *ranges)
