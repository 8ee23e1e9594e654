"""Arrays rounded to a few bits after training, each row with the scale that suits it best."""

from __future__ import annotations

import numpy as np

# Shares of the largest number that become the largest code; small ones clip outliers.
_CLIPS = np.linspace(0.3, 1.0, 15)


def rounded_rows(values: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers as they come back from so many bits.

    16 bits are floating point. Fewer are symmetric codes, from `-(2^(bits-1) - 1)` on, with one
    scale a row: the one of 15 that leaves the least squared error.

    Args:
        values: `(rows, columns)`.
        bits: 2 to 8, 16, or 32 for the numbers as they are.
    """
    if bits == 32:
        return values
    if bits == 16:
        return values.astype(np.float16).astype(values.dtype)
    largest = 2 ** (bits - 1) - 1
    widest = np.abs(values).max(axis=1, keepdims=True)
    best, least = np.zeros_like(values), np.full((len(values), 1), np.inf)
    for clip in _CLIPS:
        scale = np.where(widest > 0, clip * widest / largest, 1.0)
        found = np.clip(np.rint(values / scale), -largest, largest) * scale
        error = ((found - values) ** 2).sum(axis=1, keepdims=True)
        better = error < least
        best, least = np.where(better, found, best), np.where(better, error, least)
    return best.astype(values.dtype)
