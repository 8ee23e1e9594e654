"""Singular values of a matrix or of a product of two, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_float64(values: Any, argument: str = "matrix") -> np.ndarray:
    """Return `values` (array, tensor or Keras variable) as a finite float64 array."""
    array = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(
            f"`{argument}` must hold finite numbers; it holds NaN or infinity, so training "
            f"diverged: lower the learning rate."
        )
    return array


def singular_values(matrix: Any) -> np.ndarray:
    """Return the singular values, largest first; a 1-D argument is the values themselves."""
    array = as_float64(matrix)
    if array.ndim == 1 and array.size:
        if np.any(array < 0):
            raise ValueError(
                f"`matrix` as a list of singular values must not be negative; its least value is "
                f"{array.min():g}."
            )
        return np.sort(array)[::-1]
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"`matrix` must be a non-empty matrix or list of singular values; received shape "
            f"{array.shape}."
        )
    return np.linalg.svd(array, compute_uv=False)


def product_svd(left: Any, right: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the thin SVD `(u, s, vt)` of `left @ right`, by QR of each: cost follows the rank."""
    left = as_float64(left, "left")
    right = as_float64(right, "right")
    q_left, r_left = np.linalg.qr(left)
    q_right, r_right = np.linalg.qr(right.T)
    u, s, vt = np.linalg.svd(r_left @ r_right.T, full_matrices=False)
    return q_left @ u, s, vt @ q_right.T


def split_svd(
    u: np.ndarray, s: np.ndarray, vt: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return balanced factors `(U_r sqrt(S_r), sqrt(S_r) V_r^T)` of the best rank-r approximation.

    Kliegl et al. (2018), lemma 1: among all factorizations this one has the least
    1/2 (|U|^2 + |V|^2), which then equals the trace norm.
    """
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]


def balanced_split(matrix: Any, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return balanced factors of the best approximation of `matrix` with the given rank."""
    u, s, vt = np.linalg.svd(as_float64(matrix), full_matrices=False)
    return split_svd(u, s, vt, rank)
