"""By what an error is divided to make it a relative one."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-6
"""Sums of float32 differ by this much of their size where they should be equal."""


def is_constant(values: np.ndarray) -> bool:
    """Whether all values are equal but for float32's rounding."""
    return float(values.std(dtype=np.float64)) <= _ROUNDING * float(np.abs(values).max())


def spread(values: np.ndarray) -> float:
    """The standard deviation; of what is constant its size, and 1 where that is zero.

    The deviation of a constant is rounding, beside which the smallest error is large.
    """
    if is_constant(values):
        return float(np.abs(values).max()) or 1.0
    return float(values.std())
