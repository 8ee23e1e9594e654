"""The factored layer of `tfpipeline.factored_fully_connected` in numpy: the executable spec.

    int8:   y = W2 q(W1 x) + b   with q to int8 of fixed scale and zero point
    float:  the same, with every vector quantized over its own range

Both are two layers of `tfpipeline.numerics.fully_connected`, the first without bias and activation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.fully_connected import (
    Float32Array,
    Int8Array,
    fully_connected_float,
    fully_connected_int8,
)


@dataclass(frozen=True, eq=False)
class QuantizedFactor:
    """A matrix of a factored layer.

    Args:
        values: int8 `(rows, depth)`, of any width.
        scales: float32 `(rows,)`, or one for all.
    """

    values: Int8Array
    scales: NDArray[np.float32]


def factored_int8(
    x: Int8Array,
    first: QuantizedFactor,
    last: QuantizedFactor,
    bias: ArrayLike | None,
    *,
    x_scale: float,
    x_zero_point: int,
    inner_scale: float,
    inner_zero_point: int,
    y_scale: float,
    y_zero_point: int,
    activation: str = "none",
) -> Int8Array:
    """Return the int8 layer's output `(batch, rows)`, bit for bit that of every kernel.

    Args:
        x: int8 `(batch, depth)`.
        first: `(rank, depth)`.
        last: `(rows, rank)`.
        bias: int32 `(rows,)` of scale `inner_scale * last.scales`, or None.
        x_scale, inner_scale, y_scale: scales of the vectors.
        x_zero_point, inner_zero_point, y_zero_point: their zero points.
        activation: "none", "relu" or "relu6".
    """
    inner = fully_connected_int8(
        x,
        first.values,
        first.scales,
        None,
        x_scale=x_scale,
        x_zero_point=x_zero_point,
        y_scale=inner_scale,
        y_zero_point=inner_zero_point,
    )
    return fully_connected_int8(
        inner,
        last.values,
        last.scales,
        bias,
        x_scale=inner_scale,
        x_zero_point=inner_zero_point,
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        activation=activation,
    )


def factored_float(
    x: ArrayLike,
    first: QuantizedFactor,
    last: QuantizedFactor,
    bias: ArrayLike | None,
    *,
    activation: str = "none",
) -> Float32Array:
    """Return the float layer's output `(batch, rows)`, bit for bit that of every kernel.

    Args:
        x: finite float32 `(batch, depth)`; each row is quantized over its own range, and so is each
            vector between the factors.
        first: `(rank, depth)`.
        last: `(rows, rank)`.
        bias: float32 `(rows,)`, or None.
        activation: "none", "relu" or "relu6".
    """
    inner = fully_connected_float(x, first.values, first.scales, None)
    return fully_connected_float(inner, last.values, last.scales, bias, activation=activation)
