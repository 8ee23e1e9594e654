"""Matrices whose rows are sums of a few binary planes, as alternating quantization makes them.

A row of P planes has at most 2^(P - 1) magnitudes: with scales a >= b >= c these are

    a + b,  a - b                                               of two planes
    a + b + c,  a + b - c,  a - b + c,  |a - b - c|             of three

from which scales and signs follow. Source: Xu et al. 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.planes import MAX_PLANES
from tfpipeline.numerics.recurrent import QuantizedMatrix

_NEAR = 2e-6
"""Numbers of one magnitude differ by less, as a part of the largest of their row."""
_ROW_BYTES = 12
"""What a row takes in a file beside its weights: two scales and a bias."""
_SIGNS = {
    1: ((1,),),
    2: ((1, 1), (1, -1)),
    3: ((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)),
}
"""By number of planes: their signs in each magnitude, the largest first."""


def split_planes(matrix: np.ndarray) -> QuantizedMatrix | None:
    """Return the fewest planes whose sum a matrix `(out, in)` is, each of two bits; or None.

    Planes have the larger scales first. A row of fewer planes than others has zeros in the last.
    """
    rows = [_row_planes(row) for row in np.asarray(matrix, np.float64)]
    if any(row is None for row in rows):
        return None
    found = [row for row in rows if row is not None]
    most = max(map(len, found))
    planes = np.zeros((most, *matrix.shape), np.float32)
    for number, row in enumerate(found):
        planes[: len(row), number] = row
    quantized = [quantize_rows(plane, 2) for plane in planes]
    return QuantizedMatrix(
        np.concatenate([plane.values for plane in quantized]),
        np.concatenate([plane.scales for plane in quantized]),
        bits=2,
        planes=most,
    )


def are_smaller(matrices: Sequence[QuantizedMatrix]) -> bool:
    """Return whether planes take fewer bytes than rows of eight bits, all in all.

    With two bits a number, as in the portable form; a fused one has five ternary numbers a byte.
    """
    saved = 0
    for matrix in matrices:
        rows, (stored, depth) = len(matrix.scales) // matrix.planes, matrix.values.shape
        saved += rows * (depth + _ROW_BYTES) - stored * (-(-depth // 4) + _ROW_BYTES)
    return saved > 0


def _row_planes(row: np.ndarray) -> np.ndarray | None:
    """Return the planes `(planes, in)` of a row with their scales, or None."""
    magnitudes = _magnitudes(row)
    if magnitudes is None:
        return None
    first, *others = magnitudes
    if not others:
        scales = [first]
    elif len(others) == 1:
        scales = [(first + others[0]) / 2, (first - others[0]) / 2]
    else:
        second, third = others[:2]
        scales = [(second + third) / 2, (first - third) / 2, (first - second) / 2]
    signs = np.array(_SIGNS[len(scales)][: len(magnitudes)], np.float64)
    if len(magnitudes) > 3:
        last = signs[3] @ scales
        if abs(abs(last) - magnitudes[3]) > 2 * _NEAR * first:
            return None
        signs[3] *= 1.0 if last >= 0.0 else -1.0
    nearest = np.abs(np.abs(row)[:, None] - magnitudes).argmin(axis=1)
    codes = signs[nearest] * np.where(row >= 0.0, 1.0, -1.0)[:, None]
    return np.asarray((codes * scales).T)


def _magnitudes(row: np.ndarray) -> np.ndarray | None:
    """Return the magnitudes of a row, the largest first; None if they are too many for planes."""
    rest = np.abs(row)
    near = _NEAR * rest.max()
    found: list[float] = []
    while rest.size:
        if len(found) == 2 ** (MAX_PLANES - 1):
            return None
        found.append(rest.max())
        rest = rest[rest < found[-1] - near]
    return np.array(found)
