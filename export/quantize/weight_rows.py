"""Matrices of weights as integers, with one scale an output row or one for all."""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics.quantize import channel_scales, quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix


def quantize_rows(matrix: np.ndarray, bits: int = 8, per_channel: bool = True) -> QuantizedMatrix:
    """Quantize a matrix `(out, in)` to integers of `bits` bits with one scale an output row.

    Without `per_channel` all rows have the largest of these scales.

    With 2 bits the values are -1, 0 and 1, which is exact for ternary and binary weights.
    """
    scales = channel_scales(matrix, axis=0, bits=bits)
    if not per_channel:
        scales = np.full_like(scales, scales.max())
    return QuantizedMatrix(quantize_channels(matrix, scales, axis=0, bits=bits), scales, bits)
