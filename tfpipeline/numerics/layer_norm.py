"""Layer normalization of the products of a recurrent cell, in the order of every kernel.

For each gate and each of W x and U h, over the H units, with a learned gain g:

    N(p) = g * (p - mean) / sqrt(variance + epsilon)

The op folds it into what it multiplies and adds anyway, `float(acc) * m + b`: with
s = g / sqrt(variance + epsilon), `m` becomes `m * s`, and `b` becomes `b - mean * s`.

Source: Ba et al. 2016 (arXiv:1607.06450); each product apart, as in Hou et al., NeurIPS 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]

#: Gains smaller than this become zero; larger ones than `GAIN_LIMIT` are refused.
GAIN_FLOOR = np.float32(2.0**-20)
GAIN_LIMIT = np.float32(2.0**20)
#: Distances from the mean that are smaller than this count as zero.
DISTANCE_FLOOR = np.float32(2.0**-60)
_LANES = 16


def load_gains(gains: ArrayLike) -> Float32Array:
    """Return the gains as the op takes them in: tiny values become zero."""
    values = np.asarray(gains, dtype=np.float32)
    return np.where(np.abs(values) >= GAIN_FLOOR, values, np.float32(0.0))


def ordered_sum(values: Float32Array) -> Float32Array:
    """Return the sums over the last axis: 16 lanes in turn, then those 8, 4, 2 and 1 apart."""
    padding = -values.shape[-1] % _LANES
    padded = np.pad(values, [*[(0, 0)] * (values.ndim - 1), (0, padding)])
    blocks = padded.reshape(*values.shape[:-1], -1, _LANES)
    lanes = np.zeros((*values.shape[:-1], _LANES), np.float32)
    for b in range(blocks.shape[-2]):
        lanes = lanes + blocks[..., b, :]
    while lanes.shape[-1] > 1:
        width = lanes.shape[-1] // 2
        lanes = lanes[..., :width] + lanes[..., width:]
    return lanes[..., 0]


def normalized(
    products: NDArray[np.floating], gains: NDArray[np.floating], gates: int, epsilon: float
) -> NDArray[np.floating]:
    """Return normalized products in floating point.

    Args:
        products: `(..., gates * units)`.
        gains: `(gates * units,)`.
        gates: the normalized parts.
        epsilon: added to each variance.
    """
    p = products.reshape(*products.shape[:-1], gates, -1)
    distance = p - p.mean(axis=-1, keepdims=True)
    variance = np.mean(distance * distance, axis=-1, keepdims=True)
    normal = distance / np.sqrt(variance + products.dtype.type(epsilon))
    return normal.reshape(products.shape) * gains


def fold_layer_norm(
    acc: NDArray[np.int32],
    multiplier: Float32Array,
    bias: Float32Array,
    gains: Float32Array,
    gates: int,
    epsilon: float,
) -> tuple[Float32Array, Float32Array]:
    """Return the multipliers and biases that also normalize.

    Args:
        acc: int32 `(batch, gates * units)`.
        multiplier: float32 `(gates * units,)`.
        bias: float32 `(gates * units,)`, or `(batch, gates * units)`.
        gains: float32 `(gates * units,)`.
        gates: the normalized parts.
        epsilon: added to each variance.

    Returns:
        float32 `(batch, gates * units)` each.
    """
    batch, columns = acc.shape
    units = np.float32(columns // gates)
    p = (acc.astype(np.float32) * multiplier).reshape(batch, gates, -1)
    mean = (ordered_sum(p) / units)[..., None]
    distance = p - mean
    distance = np.where(np.abs(distance) >= DISTANCE_FLOOR, distance, np.float32(0.0))
    variance = (ordered_sum(distance * distance) / units)[..., None]
    inverse = np.float32(1.0) / np.sqrt(variance + np.float32(epsilon))
    scale = inverse * gains.reshape(gates, -1)
    shifted = np.broadcast_to(bias, (batch, columns)).reshape(p.shape) - mean * scale
    scaled = multiplier.reshape(gates, -1) * scale
    return scaled.reshape(batch, columns), shifted.reshape(batch, columns)
