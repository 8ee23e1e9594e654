"""The lookup of `tfpipeline.embedding` in numpy: the executable spec.

    float:  y = float(acc) * s_row * s_w
    int8:   y = clamp(round(float(acc) * (s_row * (s_w / s_y))) + zero_point_y)

with `acc = sum_k W[i][k] * table[id][k]`, exact in int32, or, where no matrix follows,
`acc = table[id][i]` and `s_w = 1`. The rows of the table are integers already, so that nothing is
rounded between the factors of a table of low rank (Acharya et al. 2019, equation 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.fully_connected import Float32Array, Int8Array

#: Scales of rows lie between these.
SCALES = (np.float32(2.0**-40), np.float32(2.0**40))


def embedding_float(
    ids: ArrayLike, table: QuantizedFactor, product: QuantizedFactor | None = None
) -> Float32Array:
    """Return rows of a table as float32, bit for bit those of every kernel.

    Args:
        ids: int32 of any shape, each a row of the table.
        table: `(vocabulary, width)`, of any number of bits.
        product: The matrix `(units, width)` that rows are multiplied with, or None.

    Returns:
        float32 `(*ids.shape, units)`, or `(*ids.shape, width)` without a product.

    Raises:
        ValueError: an id is no row, or the scale of its row is out of range.

    Example:
        >>> table = QuantizedFactor(np.array([[1, 2], [-3, 4]], np.int8), np.float32([1, 0.5]))
        >>> embedding_float([1], table).tolist()
        [[-1.5, 2.0]]
    """
    acc, row_scales = _sums(ids, table, product)
    scaled = acc.astype(np.float32) * row_scales
    return scaled if product is None else scaled * product.scales


def embedding_int8(
    ids: ArrayLike,
    table: QuantizedFactor,
    product: QuantizedFactor | None = None,
    *,
    y_scale: float,
    y_zero_point: int,
) -> Int8Array:
    """Return the same as int8 of one scale and zero point; see `embedding_float`."""
    acc, row_scales = _sums(ids, table, product)
    scales = np.float32(1.0) if product is None else product.scales
    multipliers = row_scales * (scales / np.float32(y_scale)).astype(np.float32)
    low, high = np.float32(-128 - y_zero_point), np.float32(127 - y_zero_point)
    levels = np.clip(acc.astype(np.float32) * multipliers, low, high)
    return (np.rint(levels) + np.float32(y_zero_point)).astype(np.int8)


def _sums(
    ids: ArrayLike, table: QuantizedFactor, product: QuantizedFactor | None
) -> tuple[NDArray[np.int32], Float32Array]:
    """Return the sums of each id, and the scale of its row in the last axis."""
    rows, scales = checked_rows(ids, table)
    acc = table.values[rows].astype(np.int64)
    if product is not None:
        acc = acc @ product.values.astype(np.int64).T
    return acc.astype(np.int32), scales[..., None]


def checked_rows(ids: ArrayLike, table: QuantizedFactor) -> tuple[NDArray[np.int32], Float32Array]:
    """Return ids as an array, and the scales of their rows.

    Raises:
        ValueError: an id is no row, or the scale of its row is out of range.
    """
    rows, count = np.asarray(ids), len(table.values)
    if rows.size and not (rows.min() >= 0 and rows.max() < count):
        raise ValueError(
            f"ids must lie in [0, {count - 1}], which are the rows of the table; got "
            f"[{rows.min()}, {rows.max()}]."
        )
    scales = np.broadcast_to(table.scales, (count,))[rows]
    if scales.size and not np.all((scales >= SCALES[0]) & (scales <= SCALES[1])):
        raise ValueError("scales of rows must lie in [2^-40, 2^40].")
    return rows, scales
