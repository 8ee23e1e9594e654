"""The trace norm of a matrix."""

from __future__ import annotations

from typing import Any

from tfpipeline.metrics.spectrum import singular_values


def trace_norm(matrix: Any) -> float:
    """Return the trace (nuclear) norm: the sum of the singular values.

    Args:
        matrix: `(rows, columns)`, or a list of singular values.

    >>> round(trace_norm([[3.0, 0.0], [0.0, 4.0]]), 6)
    7.0
    """
    return float(singular_values(matrix).sum())
