"""Which samples of many are taken: ones at even distances, because samples are often sorted."""

from __future__ import annotations

from collections.abc import Sequence

_EVERY = 4


def spread_positions(count: int, limit: int) -> tuple[int, ...]:
    """Return at most `limit` of `count` positions, at even distances."""
    most = min(count, limit)
    return tuple(i * count // most for i in range(most))


def every_fourth(count: int, fewest: int) -> tuple[int, ...]:
    """Return the positions of every fourth of `count` samples; none of fewer than `fewest`."""
    return tuple(range(_EVERY - 1, count, _EVERY)) if count >= fewest else ()


def as_slices(positions: Sequence[int]) -> list[str]:
    """Return positions as slices, such as `0:3` for 0, 1, 2, or a number that stands alone."""
    found: list[str] = []
    start = 0
    for i in range(1, len(positions) + 1):
        if i == len(positions) or positions[i] != positions[i - 1] + 1:
            first, end = positions[start], positions[i - 1] + 1
            found.append(f"{first}:{end}" if end - first > 1 else str(first))
            start = i
    return found
