"""The fully connected layer of `tfpipeline.fully_connected` in numpy: the executable spec.

    int8:   y = clamp(round(float(acc + bias) * (s_x * s_w / s_y)) + zero_point_y)
    float:  y = clamp(float(acc) * s_x * s_w + bias),  x quantized over the range of each vector

with `acc = sum_k w[row][k] * (x[k] - zero_point)`, exact in int32. The first is what XNNPACK
computes too, bit for bit; the second is its arithmetic but for the fused multiply-add.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.quantize import affine_ends

Float32Array = NDArray[np.float32]
Int8Array = NDArray[np.int8]

#: Vectors with a narrower range than this count as zeros.
SMALLEST_RANGE = np.float32(2.0**-60)

_ENDS = {"none": (-np.inf, np.inf), "relu": (0.0, np.inf), "relu6": (0.0, 6.0)}


def pack_rows(values: ArrayLike, bits: int) -> Int8Array:
    """Return rows of signed integers as two's complement numbers of `bits` bits.

    The first number stands in the low bits of the first byte; every row begins with a new byte.

    Args:
        values: integers `(rows, depth)` that fit `bits` bits.
        bits: 8, 4 or 2.

    Returns:
        int8 `(rows, depth * bits / 8 rounded up)`: the bytes.

    Raises:
        ValueError: `bits` is another number, or a value does not fit.
    """
    if bits not in (8, 4, 2):
        raise ValueError(f"bits must be 8, 4 or 2; got {bits!r}.")
    numbers = np.asarray(values)
    limit = 2 ** (bits - 1)
    if numbers.size and not (-limit <= numbers.min() and numbers.max() < limit):
        raise ValueError(f"values must fit {bits} bits; got [{numbers.min()}, {numbers.max()}].")
    rows, depth = numbers.shape
    per_byte = 8 // bits
    # In bytes throughout: a table of embeddings may be as large as memory is.
    padded = np.zeros((rows, -(-depth // per_byte) * per_byte), np.uint8)
    padded[:, :depth] = numbers.astype(np.int8).view(np.uint8) & np.uint8(2**bits - 1)
    packed = padded[:, ::per_byte].copy()
    for place in range(1, per_byte):
        packed |= padded[:, place::per_byte] << np.uint8(bits * place)
    return packed.view(np.int8)


def unpack_rows(data: Int8Array, bits: int, depth: int) -> Int8Array:
    """Return the numbers `(rows, depth)` that `pack_rows` packed."""
    numbers = data.view(np.uint8)[:, :, None].astype(np.int64)
    numbers = (numbers >> (bits * np.arange(8 // bits))) & (2**bits - 1)
    sign = 2 ** (bits - 1)
    return ((numbers.reshape(len(data), -1)[:, :depth] ^ sign) - sign).astype(np.int8)


def quantize_rows(x: ArrayLike) -> tuple[Int8Array, Float32Array, NDArray[np.int32]]:
    """Quantizes each row over its own range, which always includes 0.

    Args:
        x: finite float32 `(batch, depth)`.

    Returns:
        int8 `(batch, depth)`, and the scale and zero point of each row.
    """
    values = np.asarray(x, dtype=np.float32)
    low = np.minimum(values.min(axis=1, initial=0.0), np.float32(0.0))
    high = np.maximum(values.max(axis=1, initial=0.0), np.float32(0.0))
    spread = high - low
    empty = spread < SMALLEST_RANGE
    spread = np.where(empty, np.float32(255.0), spread)
    scale: Float32Array = (spread / np.float32(255.0)).astype(np.float32)
    inverse = np.where(empty, np.float32(0.0), np.float32(255.0) / spread)
    zero = np.clip(np.float32(-128.0) - low * inverse, np.float32(-128.0), np.float32(127.0))
    zero_point = np.where(empty, np.float32(0.0), np.rint(zero))
    levels = np.clip(
        values * inverse[:, None],
        (np.float32(-128.0) - zero_point)[:, None],
        (np.float32(127.0) - zero_point)[:, None],
    )
    q = np.rint(levels) + zero_point[:, None]
    return q.astype(np.int8), scale, zero_point.astype(np.int32)


def fully_connected_int8(
    x: Int8Array,
    weights: Int8Array,
    scales: ArrayLike,
    bias: ArrayLike | None,
    *,
    x_scale: float,
    x_zero_point: int,
    y_scale: float,
    y_zero_point: int,
    activation: str = "none",
) -> Int8Array:
    """Return the int8 layer's output `(batch, rows)`, bit for bit that of every kernel.

    Args:
        x: int8 `(batch, depth)`.
        weights: int8 `(rows, depth)`, of any width.
        scales: float32 `(rows,)`, or one for all.
        bias: int32 `(rows,)` of scale `x_scale * scales`, or None.
        x_scale: scale of `x`; `x_zero_point` goes with it.
        x_zero_point: see `x_scale`.
        y_scale: scale of the output; `y_zero_point` goes with it.
        y_zero_point: see `y_scale`.
        activation: "none", "relu" or "relu6".
    """
    centred = np.asarray(x).astype(np.int64) - x_zero_point
    acc = centred @ np.asarray(weights).astype(np.int64).T
    if bias is not None:
        acc = acc + np.asarray(bias, dtype=np.int64)
    multiplier = np.float32(x_scale) * np.asarray(scales, np.float32) / np.float32(y_scale)
    low, high = affine_ends(activation, y_scale, y_zero_point, -128, 127)
    levels = np.clip(
        acc.astype(np.int32).astype(np.float32) * multiplier,
        np.float32(low - y_zero_point),
        np.float32(high - y_zero_point),
    )
    return (np.rint(levels) + np.float32(y_zero_point)).astype(np.int8)


def fully_connected_float(
    x: ArrayLike,
    weights: Int8Array,
    scales: ArrayLike,
    bias: ArrayLike | None,
    *,
    activation: str = "none",
) -> Float32Array:
    """Return the float layer's output `(batch, rows)`, bit for bit that of every kernel.

    Args:
        x: finite float32 `(batch, depth)`; each row is quantized over its own range.
        weights: int8 `(rows, depth)`, of any width.
        scales: float32 `(rows,)`, or one for all.
        bias: float32 `(rows,)`, or None.
        activation: "none", "relu" or "relu6".
    """
    q, x_scale, zero_point = quantize_rows(x)
    centred = q.astype(np.int64) - zero_point[:, None]
    acc = (centred @ np.asarray(weights).astype(np.int64).T).astype(np.int32)
    scaled = acc.astype(np.float32) * x_scale[:, None] * np.asarray(scales, np.float32)
    added = scaled + np.asarray(np.float32(0.0) if bias is None else bias, np.float32)
    low, high = _ENDS[activation]
    return np.clip(added, np.float32(low), np.float32(high))
