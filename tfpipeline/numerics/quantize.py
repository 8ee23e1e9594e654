"""Integer quantization: the rounding rules that the exporter, the kernels and the tests share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

# A row of zeros still needs a positive, normal scale; any value represents zero exactly.
SMALLEST_SCALE = np.float32(2.0**-40)


def quantize_affine(
    x: ArrayLike, scale: float, zero_point: int = 0, dtype: DTypeLike = np.int8
) -> NDArray[np.signedinteger]:
    """Return clamp(round(x / scale) + zero_point) in `dtype`, ties to even.

    The division is a float32 division, as in the runtimes' QUANTIZE.

    Raises:
        ValueError: `scale` is not positive and finite, or `zero_point` does not fit `dtype`.
    """
    info = np.iinfo(dtype)
    step = np.float32(scale)
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"scale must be positive and finite; got {scale!r}.")
    if not info.min <= zero_point <= info.max:
        raise ValueError(
            f"zero_point must lie in [{info.min}, {info.max}] for {info.dtype}; got {zero_point!r}."
        )
    values = np.asarray(x, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("x must be finite; got NaN or infinity: check the values before this.")
    levels = np.rint(values / step).astype(np.float64) + zero_point
    return np.clip(levels, info.min, info.max).astype(dtype)


def dequantize_affine(q: ArrayLike, scale: float, zero_point: int = 0) -> NDArray[np.float32]:
    """Return (q - zero_point) * scale in float32."""
    centred = np.asarray(q).astype(np.int32) - np.int32(zero_point)
    return centred.astype(np.float32) * np.float32(scale)


def symmetric_limit(bits: int) -> int:
    """Return the largest magnitude of a symmetric `bits`-bit integer, 127 for 8 bits."""
    if not 2 <= bits <= 16:
        raise ValueError(f"bits must lie in [2, 16]; got {bits!r}.")
    return 2 ** (bits - 1) - 1


def channel_scales(w: ArrayLike, axis: int = 0, bits: int = 8) -> NDArray[np.float32]:
    """Return one symmetric scale for each index of `axis`: max|w| / (2^(bits-1) - 1).

    Args:
        w: weights of any rank.
        axis: the axis that keeps its own scales (the row of an op's weight matrix: 0).
        bits: width of the integers.

    Raises:
        ValueError: `w` holds NaN or infinity, or `bits` is out of range.
    """
    values = np.asarray(w, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("w must be finite; got NaN or infinity: did the training diverge?")
    axis = axis % values.ndim
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.max(np.abs(values), axis=others, initial=0.0)
    return np.maximum(largest / np.float32(symmetric_limit(bits)), SMALLEST_SCALE).astype(
        np.float32
    )


def quantize_channels(
    w: ArrayLike, scales: ArrayLike, axis: int = 0, bits: int = 8
) -> NDArray[np.int8]:
    """Return clamp(round(w / scales), -limit, limit) as int8 (int16 above 8 bits), ties to even.

    Args:
        w: weights of any rank.
        scales: float32 `(w.shape[axis],)`, as from `channel_scales`.
        axis: the axis the scales belong to.
        bits: width of the integers; the limit is 2^(bits-1) - 1, so -128 never occurs.
    """
    values = np.asarray(w, dtype=np.float32)
    steps = np.asarray(scales, dtype=np.float32)
    if steps.shape != (values.shape[axis],):
        raise ValueError(
            f"scales must have the shape ({values.shape[axis]},) of axis {axis} of w; "
            f"got {steps.shape}."
        )
    shape = [1] * values.ndim
    shape[axis] = -1
    limit = symmetric_limit(bits)
    levels = np.clip(np.rint(values / steps.reshape(shape)), -limit, limit)
    return levels.astype(np.int8 if bits <= 8 else np.int16)


def requantize(acc: ArrayLike, multiplier: ArrayLike) -> NDArray[np.int8]:
    """Return clamp(round(float32(acc) * multiplier), -127, 127) as int8, ties to even."""
    values = np.asarray(acc).astype(np.float32) * np.asarray(multiplier, dtype=np.float32)
    return np.rint(np.clip(values, -127.0, 127.0)).astype(np.int8)


def affine_ends(
    activation: str, scale: float, zero_point: int, lowest: int, highest: int
) -> tuple[int, int]:
    """Return minimum and maximum of a quantized output, as the runtimes round them.

    Args:
        activation: "none", "relu" or "relu6".
        scale: of the output.
        zero_point: of the output.
        lowest, highest: minimum and maximum of the output's type.
    """
    if activation == "none":
        return lowest, highest
    if activation == "relu":
        return zero_point, highest
    six = np.float32(6.0) / np.float32(scale) + np.float32(0.5)
    return zero_point, min(highest, zero_point + int(min(six, np.float32(256.0))))
