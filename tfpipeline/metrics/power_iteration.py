"""Spectral norms of linear maps by power iteration, of many at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Map = Callable[[np.ndarray], np.ndarray]


def spectral_norms(
    forward: Map, backward: Map, shape: tuple[int, int], rounds: int = 200, tolerance: float = 1e-6
) -> np.ndarray:
    """Return the largest singular value of each of n linear maps, `(n,)` in float64.

    What it returns is never above the true value, and approaches it from below. Norms of vectors
    are kept as logarithms on the way, so that a map may be a long product; see `log_norms`.

    Args:
        forward: `(n, columns)` to `(n, rows)`: each row through the map of its index.
        backward: the adjoint, `(n, rows)` to `(n, columns)`.
        shape: `(n, columns)`.
        rounds: at most.
        tolerance: relative change of all values at which it ends.
    """

    def apply(go: Map) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        return lambda v: unit_rows(go(v))

    return np.exp(log_norms(apply(forward), apply(backward), shape, rounds, tolerance))


def log_norms(
    forward: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    backward: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    shape: tuple[int, int],
    rounds: int = 200,
    tolerance: float = 1e-6,
) -> np.ndarray:
    """Return logarithms of largest singular values, `(n,)`; -inf of a map to zero.

    Args:
        forward, backward: as in `spectral_norms`, with the results as `unit_rows` gives them.
        shape, rounds, tolerance: as there.
    """
    v, _ = unit_rows(np.random.default_rng(0).normal(size=shape))
    found = np.full(shape[0], -np.inf)
    for _ in range(rounds):
        u, new = forward(v)
        v, _ = backward(u)
        with np.errstate(invalid="ignore"):
            still = (np.abs(new - found) <= tolerance) | ~np.isfinite(new)
        found = new
        if still.all():
            break
    return found


def unit_rows(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row of length 1, and the logarithms of their lengths; a row of zeros stays."""
    lengths = np.linalg.norm(v, axis=1)
    with np.errstate(divide="ignore"):
        return v / np.where(lengths > 0, lengths, 1.0)[:, None], np.log(lengths)


def spectral_norm(matrix: np.ndarray) -> float:
    """Return the largest singular value of a matrix."""
    a = np.asarray(matrix, np.float64)
    (found,) = spectral_norms(lambda v: v @ a.T, lambda u: u @ a, (1, a.shape[1]))
    return float(found)
