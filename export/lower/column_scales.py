"""Scales of the columns of a table, multiplied into the matrix that follows it.

    row @ W.T = codes @ (W * scales).T

They cost no byte, and none of rows are stored. What a scale a row is for, that long rows do not set
the step of short ones, they cannot do; so they are taken where they are no less exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.quantize.weight_rows import quantize_rows

_SCALE_BYTES = 4


def even_padding(width: int) -> int:
    """Return how many numbers make a width even: XNNPACK multiplies 4-bit weights of no other."""
    return width % 2


@dataclass(frozen=True)
class ColumnTable:
    """A table in 8 bits, and the matrix behind it.

    Args:
        codes: int8 `(words, width)`.
        matrix: float32 `(units, width)`, with the scales of the columns in it.
    """

    codes: np.ndarray
    matrix: np.ndarray


def column_table(values: np.ndarray, matrix: np.ndarray) -> ColumnTable:
    """Return a table `(words, width)` and its matrix `(units, width)` with scales of columns."""
    columns = quantize_rows(np.ascontiguousarray(values.T))
    return ColumnTable(
        np.ascontiguousarray(columns.values.T), (matrix * columns.scales).astype(np.float32)
    )


def columns_replace_rows(values: np.ndarray, matrix: np.ndarray, bits: int) -> bool:
    """Return whether 8 bits with scales of columns are no larger and no less exact.

    Than `bits` bits with a scale a row. Of four bits those of rows of up to eight numbers are no
    smaller. Exact is the mean square, over the rows, of the error of a product with the matrix in
    sizes of that product, so that long rows do not stand for short ones.

    Args:
        values: `(words, width)`.
        matrix: `(units, width)`.
        bits: of the alternative. Of 2 bits values are ternary, which nothing is more exact than.
    """
    width = values.shape[1]
    if bits != 4 or width + even_padding(width) > -(-width * bits // 8) + _SCALE_BYTES:
        return False
    rows, columns = quantize_rows(values, bits), quantize_rows(np.ascontiguousarray(values.T))
    by_rows = rows.values * rows.scales[:, None] - values
    by_columns = (columns.values * columns.scales[:, None]).T - values
    squares = matrix.T.astype(np.float64) @ matrix
    sizes = _squares(values, squares)
    some = sizes > 0
    errors = [
        (_squares(error, squares)[some] / sizes[some]).sum() for error in (by_columns, by_rows)
    ]
    return bool(errors[0] <= errors[1])


def _squares(rows: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the squared length of the product of each row with a matrix M, given M.T M."""
    return np.einsum("ij,ij->i", rows @ squares, rows.astype(np.float64))
