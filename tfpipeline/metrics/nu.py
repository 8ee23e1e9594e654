"""The coefficient nu of Kliegl et al. (2018): how evenly a matrix spreads over its dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.metrics.spectrum import singular_values


def nu(matrix: Any) -> float:
    """Return how full a matrix is of large singular values.

    nu(W) = (|s|_1 / |s|_2 - 1) / (sqrt(d) - 1), d = min(rows, columns), s the singular values.

    It is 0 for a matrix of rank 1, 1 when all singular values are equal, and the same for W and cW.
    The all-zero matrix counts as 0. Kliegl et al. (2018), equation (7), with the ratio of the norms
    that their proposition 1 needs.

    Args:
        matrix: `(rows, columns)`, or a list of singular values.

    Raises:
        ValueError: when d < 2, where nu is not defined, or a value is not finite.

    >>> round(nu([[3.0, 0.0], [0.0, 4.0]]), 6)
    0.965685
    """
    values = singular_values(matrix)
    if values.size < 2:
        raise ValueError(
            f"`matrix` must have at least 2 rows and 2 columns for nu to be defined; it has "
            f"{values.size} singular value."
        )
    largest = values[0]
    if largest == 0.0:
        return 0.0
    scaled = values / largest  # keeps the squares of very small or large values in range
    return float((scaled.sum() / np.sqrt((scaled**2).sum()) - 1) / (np.sqrt(values.size) - 1))
