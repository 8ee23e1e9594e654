"""The mean of words of `tfpipeline.embedding` in numpy: the executable spec.

    mean[k] = (table[id_1][k] * s_1 + table[id_2][k] * s_2 + ...) / count
    acc[i]  = W[i][1] * mean[1] + W[i][2] * mean[2] + ...
    float:  y = acc * s_w
    int8:   y = clamp(round(acc * (s_w / s_y))) + zero_point_y

in float32, each product, quotient and sum rounded on its own, sums from left to right and from 0
on. Without a matrix `acc = mean` and `s_w = 1`. The product of a mean is the mean of the products,
so that a table of low rank takes one product a sentence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfpipeline.numerics.embedding import checked_rows
from tfpipeline.numerics.embedding_options import Mean
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.fully_connected import Float32Array, Int8Array


def embedding_mean_float(
    ids: ArrayLike,
    table: QuantizedFactor,
    product: QuantizedFactor | None = None,
    *,
    mean: Mean,
) -> Float32Array:
    """Return means of rows of a table as float32, bit for bit those of every kernel.

    Args:
        ids: int32 `(..., words)`, each a row of the table.
        table: `(vocabulary, width)`, of any number of bits.
        product: The matrix `(units, width)` that means are multiplied with, or None.
        mean: Which words count; not `Mean.NONE`.

    Returns:
        float32 `(..., units)`, or `(..., width)` without a product.

    Raises:
        ValueError: an id is no row, or the scale of its row is out of range.

    Example:
        >>> table = QuantizedFactor(np.array([[9, 9], [2, 4]], np.int8), np.float32([1, 0.5]))
        >>> embedding_mean_float([[1, 1, 0]], table, mean=Mean.MASKED).tolist()
        [[1.0, 2.0]]
    """
    scales = np.float32(1.0) if product is None else product.scales
    return _sums(ids, table, product, mean) * scales


def embedding_mean_int8(
    ids: ArrayLike,
    table: QuantizedFactor,
    product: QuantizedFactor | None = None,
    *,
    mean: Mean,
    y_scale: float,
    y_zero_point: int,
) -> Int8Array:
    """Return the same as int8 of one scale and zero point; see `embedding_mean_float`.

    Raises:
        ValueError: as there, or mean is `Mean.MASKED_OR_NAN`, as int8 has no NaN.
    """
    if mean == Mean.MASKED_OR_NAN:
        raise ValueError(
            "mean must be PLAIN or MASKED in int8, which has no NaN; got MASKED_OR_NAN."
        )
    scales = np.float32(1.0) if product is None else product.scales
    multipliers = (scales / np.float32(y_scale)).astype(np.float32)
    low, high = np.float32(-128 - y_zero_point), np.float32(127 - y_zero_point)
    levels = np.clip(_sums(ids, table, product, mean) * multipliers, low, high)
    return (np.rint(levels) + np.float32(y_zero_point)).astype(np.int8)


def _sums(
    ids: ArrayLike, table: QuantizedFactor, product: QuantizedFactor | None, mean: Mean
) -> Float32Array:
    """Return the means, or their products without the scales of the matrix."""
    rows, scales = checked_rows(ids, table)
    counts = np.ones(rows.shape, bool) if mean == Mean.PLAIN else rows != 0
    total = np.zeros((*rows.shape[:-1], table.values.shape[1]), np.float32)
    for t in range(rows.shape[-1]):
        words = table.values[rows[..., t]].astype(np.float32) * scales[..., t, None]
        total = np.where(counts[..., t, None], total + words, total)
    count = counts.sum(axis=-1, keepdims=True).astype(np.float32)
    if mean != Mean.MASKED_OR_NAN:
        count = np.maximum(count, np.float32(1.0))
    with np.errstate(invalid="ignore"):
        means = total / count
    if product is None:
        return means
    acc = np.zeros((*means.shape[:-1], len(product.values)), np.float32)
    for k, column in enumerate(product.values.T.astype(np.float32)):
        acc = acc + column * means[..., k, None]
    return acc
