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


def is_decision(values: np.ndarray) -> bool:
    """Whether values are booleans: each is right or wrong, and none is nearly right."""
    return values.dtype.kind == "b"


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The root mean square error over the spread; of decisions the share that is wrong.

    A decision near its threshold is as wrong as any other, so the square root would make one in a
    hundred a fifth of the spread.
    """
    if is_decision(expected):
        return float((found != expected).mean())
    error = found.astype(np.float64) - expected
    return float(np.sqrt((error**2).mean())) / spread(expected)
