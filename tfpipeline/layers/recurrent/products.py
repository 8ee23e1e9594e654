"""Kernels of all gates of a recurrent cell, ready to be multiplied by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from tfpipeline.layers.factored.factored_kernel import apply_matrices


class PreparedKernel:
    """One matrix, or two to be applied in turn; the last one holds the gates side by side.

    A plain object, so that Keras does not track what it holds.
    """

    def __init__(self, matrices: tuple[Any, ...], gates: int) -> None:
        *first, last = matrices
        self._matrices = matrices
        # What is not used costs nothing: it is cut from the graph.
        self._gates = [(*first, part) for part in ops.split(last, gates, axis=-1)]

    def __call__(self, x: Any) -> Any:
        """`(..., rows)` to `(..., gates * units)`."""
        return apply_matrices(x, self._matrices)

    def gate(self, x: Any, index: int) -> Any:
        """`(..., rows)` to `(..., units)` of one gate."""
        return apply_matrices(x, self._gates[index])


class PreparedSplit:
    """Two factors for each gate; the left ones share one product."""

    def __init__(self, factors: Sequence[tuple[Any, Any]]) -> None:
        self._factors = [tuple(ops.convert_to_tensor(m) for m in pair) for pair in factors]
        self._left = ops.concatenate([left for left, _ in self._factors], axis=-1)
        ends = [int(left.shape[1]) for left, _ in self._factors]
        self._cuts = [sum(ends[: index + 1]) for index in range(len(ends) - 1)]

    def __call__(self, x: Any) -> Any:
        """`(..., rows)` to `(..., gates * units)`."""
        inner = ops.split(ops.matmul(x, self._left), self._cuts, axis=-1)
        parts = [ops.matmul(a, right) for a, (_, right) in zip(inner, self._factors, strict=True)]
        return ops.concatenate(parts, axis=-1)

    def gate(self, x: Any, index: int) -> Any:
        """`(..., rows)` to `(..., units)` of one gate."""
        return apply_matrices(x, self._factors[index])
