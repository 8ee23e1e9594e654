"""Weights of one, two or a few bits in NumPy: codes of a matrix, and the scale that they share.

Each function takes one matrix `(rows, columns)` and returns `Codes`. The sign of 0 is +1.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

#: Share of the mean magnitude below which a ternary weight is 0.
TERNARY_THRESHOLD = 0.7
#: LAT stops when its scale moves by less.
LAT_TOLERANCE = 1e-6
#: Added to the diagonal, in units of its own size, where least squares has many solutions.
RIDGE = 1e-6


class Codes(NamedTuple):
    """Integers and a scale whose product is the quantized matrix.

    Args:
        integers: int8 `(rows, columns)`; of several binary planes `(planes, rows, columns)`.
        scale: float32 `()`, or whatever multiplies the integers; `(planes, 1, columns)` of planes.
    """

    integers: np.ndarray
    scale: np.ndarray

    def values(self) -> np.ndarray:
        """Return the quantized matrix `(rows, columns)`."""
        products: np.ndarray = self.scale * self.integers
        return products.sum(axis=0) if self.integers.ndim > 2 else products


def signs(w: np.ndarray) -> np.ndarray:
    """Return the sign of each number, +1 of 0."""
    return np.where(w >= 0, 1, -1).astype(np.int8)


def binary_connect(w: np.ndarray) -> Codes:
    """Return the signs (Courbariaux et al. 2015)."""
    return Codes(signs(w), np.ones((), w.dtype))


def bwn(w: np.ndarray) -> Codes:
    """Return signs times the mean magnitude (Rastegari et al. 2016)."""
    return Codes(signs(w), np.abs(w).mean())


def lab(w: np.ndarray, moment: np.ndarray) -> Codes:
    """Return signs times the mean magnitude, weighted by root second moments (Hou et al. 2017)."""
    return Codes(signs(w), _weighted_mean(np.abs(w), np.sqrt(moment)))


def ter_connect(w: np.ndarray) -> Codes:
    """Return the signs of what exceeds 0.7 of the mean magnitude, and 0."""
    kept = np.abs(w) > TERNARY_THRESHOLD * np.abs(w).mean()
    return Codes(signs(w) * kept.astype(np.int8), np.ones((), w.dtype))


def twn(w: np.ndarray) -> Codes:
    """Return the codes of `ter_connect` times the mean magnitude of those kept (Li et al. 2016)."""
    codes, _ = ter_connect(w)
    return Codes(codes, np.asarray(_weighted_mean(np.abs(w), np.abs(codes).astype(w.dtype))))


def lat(w: np.ndarray, moment: np.ndarray, most: int = 100) -> Codes:
    """Return the fixed point of scale and ternary codes (Hou and Kwok 2018, algorithm 1).

        alpha = sum(b D w) / sum(|b| D),  b = [w > alpha / 2] - [w < -alpha / 2],  D = sqrt(v)

    Starting from the codes of `twn`.
    """
    weight, magnitude = np.sqrt(moment), np.abs(w)
    if not weight.any():
        weight = np.ones_like(weight)
    alpha = _weighted_mean(magnitude, weight * np.abs(ter_connect(w).integers))
    for _ in range(most):
        before = alpha
        alpha = _weighted_mean(magnitude, weight * (magnitude > before / 2))
        if abs(alpha - before) < LAT_TOLERANCE:
            break
    return Codes(signs(w) * (magnitude > alpha / 2).astype(np.int8), np.asarray(alpha))


def alternating(w: np.ndarray, bits: int = 2, rounds: int = 2) -> Codes:
    """Return `bits` binary planes and their scales for each column (Xu et al. 2018).

    First greedily, a plane of what the planes before it leave; then in each round the scales by
    least squares, and of all sums of the scales the one that is nearest.
    """
    planes, scales, rest = [], [], w
    for _ in range(bits):
        planes.append(signs(rest))
        scales.append(np.abs(rest).mean(axis=0))
        rest = rest - scales[-1] * planes[-1]
    codes, alpha = np.stack(planes), np.stack(scales)
    choices = np.array(list(itertools.product((1, -1), repeat=bits)), np.int8)
    for _ in range(rounds):
        for column in range(w.shape[1]):
            b = codes[:, :, column].astype(w.dtype)
            gram = b @ b.T + RIDGE * len(w) * np.eye(bits)
            alpha[:, column] = np.linalg.solve(gram, b @ w[:, column])
            levels = choices @ alpha[:, column]
            nearest = np.abs(w[:, column, None] - levels).argmin(axis=1)
            codes[:, :, column] = choices[nearest].T
    return Codes(codes, alpha[:, None])


def stochastic_scale(rows: int, columns: int) -> float:
    """Return the scale of SBN and STN: half the limit of Glorot's uniform start.

    Args:
        rows, columns: of the kernel with all its gates.
    """
    return 0.5 * math.sqrt(6 / (rows + columns))


def sbn(w: np.ndarray, scale: float) -> Codes:
    """Return the likelier codes of stochastic binarization: the signs."""
    return Codes(signs(w), np.asarray(scale, w.dtype))


def stn(w: np.ndarray, scale: float) -> Codes:
    """Return the likelier codes of stochastic ternarization: 0 below half the scale."""
    return Codes(signs(w) * (np.abs(w) > scale / 2).astype(np.int8), np.asarray(scale, w.dtype))


def _weighted_mean(magnitude: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean; the plain one where all weights are 0."""
    total = weight.sum()
    mean: np.ndarray = (magnitude * weight).sum() / total if total > 0 else magnitude.mean()
    return mean
