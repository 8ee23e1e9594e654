"""Ternary matrices, five numbers a byte: 1.6 bits each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Numbers of a byte.
PER_BYTE = 5
#: The largest byte that stands for five of them.
MOST = 3**PER_BYTE - 1
_WORTH = 3 ** np.arange(PER_BYTE)


def are_smaller(values: ArrayLike) -> bool:
    """Return whether a matrix is ternary, and its rows are longer with two bits a number."""
    numbers = np.asarray(values)
    depth = numbers.shape[1]
    return bool(-(-depth // PER_BYTE) < -(-depth // 4) and np.abs(numbers).max(initial=0) <= 1)


def pack_trits(values: ArrayLike) -> NDArray[np.uint8]:
    """Return rows of ternary numbers as digits 0 to 2 of bytes to base 3.

    The first number of a byte is worth 1, the fifth 81; every row begins with a new byte, and what
    is behind its end counts as 0.

    Args:
        values: -1, 0 and 1, `(rows, depth)`.

    Returns:
        uint8 `(rows, depth / 5 rounded up)`.

    Raises:
        ValueError: there is another number.
    """
    numbers = np.asarray(values).astype(np.int64)
    if np.abs(numbers).max(initial=0) > 1:
        raise ValueError(
            f"`values` must be -1, 0 and 1; got [{numbers.min()}, {numbers.max()}]: pack_rows "
            "stores others with 2 bits or more."
        )
    rows, depth = numbers.shape
    padded = np.zeros((rows, -(-depth // PER_BYTE) * PER_BYTE), np.int64)
    padded[:, :depth] = numbers
    return ((padded + 1).reshape(rows, -1, PER_BYTE) @ _WORTH).astype(np.uint8)


def unpack_trits(stored: ArrayLike, depth: int) -> NDArray[np.int8]:
    """Return the matrix `(rows, depth)` that `pack_trits` was given.

    Raises:
        ValueError: a byte stands for no five numbers, or rows have another length.
    """
    data = np.asarray(stored).view(np.uint8)
    if data.shape[1] != -(-depth // PER_BYTE) or data.max(initial=0) > MOST:
        raise ValueError(
            f"`stored` must have rows of {-(-depth // PER_BYTE)} bytes up to {MOST} for {depth} "
            f"numbers; got rows of {data.shape[1]}, up to {data.max(initial=0)}."
        )
    digits = data[:, :, None] // _WORTH % 3
    return (digits.reshape(len(data), -1)[:, :depth].astype(np.int8) - 1).astype(np.int8)
