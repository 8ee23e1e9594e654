"""The rank that explains a given share of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.metrics.spectrum import singular_values


def explained_variance(matrix: Any) -> np.ndarray:
    """Return the share of the sum of squared singular values in the first 1, 2, ... of them."""
    squares = singular_values(matrix)
    squares = (squares / squares[0]) ** 2 if squares[0] else np.ones(1)
    cumulative = np.cumsum(squares)
    return cumulative / cumulative[-1]


def check_share(tau: Any, argument: str = "tau") -> float:
    """Return `tau` as a float in (0, 1]."""
    if isinstance(tau, bool) or not isinstance(tau, (int, float, np.number)) or not 0 < tau <= 1:
        raise ValueError(f"`{argument}` must be a share in (0, 1]; received {tau!r}.")
    return float(tau)


def explained_variance_rank(matrix: Any, tau: float = 0.9) -> int:
    """Return the least r whose first r squared singular values sum to >= tau times all of them.

    Kliegl et al. (2018), section 3.2.1. The all-zero matrix counts as rank 1.

    Args:
        matrix: `(rows, columns)`, or a list of singular values.
        tau: share in (0, 1].

    >>> explained_variance_rank([4.0, 2.0, 1.0, 0.5], 0.9)
    2
    """
    shares = explained_variance(matrix)
    # A few ulps: the last share is exactly 1, and 0.94118 must count as reached when asked for.
    return int(np.argmax(shares >= check_share(tau) * (1 - 4e-16))) + 1
