"""Products with matrices that are sums of planes: `W = sum_p diag(a_p) B_p`.

Each plane `B_p` has few bits, and a scale for each row. The products of the planes behind the first
one are added to the bias of a step, so that what follows is that of a matrix of one plane:

    float(acc_0) * m_0 + (((bias + float(acc_1) * m_1) + float(acc_2) * m_2) ...)

Source of such weights: Xu et al. 2018, "Alternating Multi-bit Quantization for Recurrent Neural
Networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

#: Planes of a matrix, at most: four of two bits are no smaller than eight bits.
MAX_PLANES = 3


def pack_width(bits: int, planes: int) -> int:
    """Return the byte of a matrix: bits in the low half, 0 for 8; planes but one in the high."""
    return (0 if bits == 8 else bits) | (planes - 1) << 4


def unpack_width(byte: int) -> tuple[int, int]:
    """Return bits and planes of the byte of `pack_width`."""
    return byte & 15 or 8, 1 + (byte >> 4)


def fold_planes(
    acc: NDArray[np.int32], multiplier: Float32Array, bias: Float32Array, rows: int
) -> tuple[NDArray[np.int32], Float32Array, Float32Array]:
    """Return sums and multipliers of the first plane, and the bias with all others added.

    Args:
        acc: int32 `(batch, planes * rows)`, one plane after another.
        multiplier: float32 `(planes * rows,)`.
        bias: float32 `(rows,)`, or `(batch, rows)`.
        rows: of a plane.
    """
    for start in range(rows, acc.shape[1], rows):
        plane = slice(start, start + rows)
        bias = bias + acc[:, plane].astype(np.float32) * multiplier[plane]
    return acc[:, :rows], multiplier[:rows], bias
