"""How far the products of single binary planes reach: further than their sum, in some rows."""

from __future__ import annotations

import numpy as np

from tfpipeline.export.quantize.binary_planes import split_planes
from tfpipeline.export.quantize.few_bits import Matrices, held_exactly


def largest_of_planes(kernel: Matrices, bits: int, vectors: np.ndarray) -> np.ndarray | None:
    """Return the largest product of any plane with some vectors, row by row: `(rows,)`.

    None where a kernel is not stored as planes.

    Args:
        kernel: Its matrices, in Keras' orientation.
        bits: Of a weight.
        vectors: float32 `(..., in)`.
    """
    if bits != 2 or len(kernel) != 1 or held_exactly(kernel, 2):
        return None
    planes = split_planes(kernel[0].T)
    assert planes is not None  # `written_kernels` gives others eight bits
    flat = vectors.reshape(-1, vectors.shape[-1])
    largest = [np.abs(flat @ plane.real().T).max(axis=0) for plane in planes.split()]
    return np.asarray(np.max(largest, axis=0))
