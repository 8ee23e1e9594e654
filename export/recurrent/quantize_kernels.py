"""Both kernels of a recurrent layer as integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.quantize.binary_planes import split_planes
from tfpipeline.export.quantize.few_bits import held_exactly
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.quantize import quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix

# Of a square: sharing a scale may cost a matrix one of its eight bits, and half of one of fewer.
_MOST_GROWTH_OF_EIGHT, _MOST_GROWTH_OF_FEWER = 4.0, 2.0


@dataclass(frozen=True)
class QuantizedKernels:
    """Both kernels of a layer as integers, and the scales of the vectors between their factors."""

    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    float_kernel: tuple[np.ndarray, ...]
    float_recurrent_kernel: tuple[np.ndarray, ...]
    kernel_scale: float | None
    recurrent_scale: float | None


def quantize_kernels(
    kernel: tuple[np.ndarray, ...],
    recurrent: tuple[np.ndarray, ...],
    a_x: np.ndarray | None,
    a_h: np.ndarray | None,
    summed_rows: int,
    bits: int,
    per_channel: bool = True,
    joined: bool = True,
) -> QuantizedKernels:
    """Quantize kernels in Keras' orientation.

    Args:
        kernel: `(W,)`, or its factors.
        recurrent: The same for the state; `()` where it is not multiplied.
        a_x: Magnitudes `(rank,)` of the components between the factors of `kernel`, if it has any.
        a_h: The same of `recurrent`.
        summed_rows: The first rows, whose products are only ever added.
        bits: Of a weight: 2 only of matrices that are ternary, or sums of binary planes.
        per_channel: Whether each row has a scale of its own, and not each matrix one.
        joined: Whether both products may become one where there are no factors, for which rows
            must share scales.
    """
    exact = [
        bool(matrices) and (bits == 2 or held_exactly(matrices, bits))
        for matrices in (kernel, recurrent)
    ]
    # Spread components want a scale for each row of the factor that makes them.
    kernel, kernel_scale = equalize(kernel, a_x, exact[0] or not per_channel)
    recurrent, recurrent_scale = equalize(recurrent, a_h, exact[1] or not per_channel)
    floats = (tuple(m.T for m in kernel), tuple(m.T for m in recurrent))
    quantized = [
        [_quantize(matrix, bits, per_channel) for matrix in matrices] for matrices in floats
    ]
    if recurrent and not any(exact):
        rows = summed_rows if per_channel else None
        most = _MOST_GROWTH_OF_EIGHT if bits == 8 else _MOST_GROWTH_OF_FEWER
        if kernel_scale is not None and kernel_scale == recurrent_scale:
            # Both products are of vectors between -1 and 1.
            quantized = _share_scales(quantized, floats, rows, bits)
        elif joined and _growth(quantized, rows) <= most:
            quantized = _share_scales(quantized, floats, rows, bits)
    x, h = (tuple(matrices) for matrices in quantized)
    return QuantizedKernels(x, h, *floats, kernel_scale, recurrent_scale)


def _quantize(matrix: np.ndarray, bits: int, per_channel: bool) -> QuantizedMatrix:
    """Return rows of integers, or binary planes, which have a scale a row in any case."""
    if bits == 2 and not held_exactly((matrix.T,), 2):
        planes = split_planes(matrix)
        assert planes is not None  # `written_kernels` gives others eight bits
        return planes
    return quantize_rows(matrix, bits, per_channel)


def _growth(quantized: list[list[QuantizedMatrix]], summed_rows: int | None) -> float:
    """Return by what a shared scale multiplies the squared step of the finer matrix, on average.

    Features much smaller than the state come with a kernel as much larger than the recurrent one,
    whose integers would hardly differ from zero in steps of the kernel; and the other way round.
    """
    x, h = (matrices[-1].scales[:summed_rows].astype(np.float64) for matrices in quantized)
    shared = np.maximum(x, h)
    return float(max(np.mean((shared / scales) ** 2) for scales in (x, h)))


def _share_scales(
    quantized: list[list[QuantizedMatrix]],
    floats: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]],
    summed_rows: int | None,
    bits: int,
) -> list[list[QuantizedMatrix]]:
    """Give each summed row one scale in both last factors, the larger of the two.

    Of vectors of like sizes what counts is the error of the sum of both products; and rows with one
    scale can be joined into one product. None stands for all rows, whose scale is one.
    """
    shared = np.maximum(*(matrices[-1].scales for matrices in quantized))
    result = []
    for matrices, values in zip(quantized, floats, strict=True):
        scales = matrices[-1].scales.copy()
        scales[:summed_rows] = shared[:summed_rows]
        last = QuantizedMatrix(
            quantize_channels(values[-1], scales, axis=0, bits=bits), scales, bits
        )
        result.append([*matrices[:-1], last])
    return result


def equalize(
    factors: tuple[np.ndarray, ...], largest: np.ndarray | None, keep: bool = False
) -> tuple[tuple[np.ndarray, ...], float | None]:
    """Give every component of the intermediate the range [-1, 1], without changing the product.

    The intermediate has one scale for all its components, whose ranges differ as the singular
    values do; dividing each by its own range, and multiplying the next factor by it, spends the
    eight bits evenly.

    Args:
        factors: `(left, right)`, or a plain kernel, which has no intermediate.
        largest: Magnitudes `(rank,)` of the components of the intermediate.
        keep: Leave the factors as they are: integers hold them exactly, or have one scale for all.

    Returns:
        The factors, and the scale of the intermediate, None without one.
    """
    if len(factors) < 2 or largest is None:
        return factors, None
    left, right = factors
    if keep:
        # Rows that integers hold exactly, such as ternary ones, must not be spread.
        return factors, max(float(largest.max()), 1e-6) / 127.0
    reach = np.maximum(largest, 1e-6 * max(float(largest.max()), 1e-6)).astype(np.float32)
    return (left / reach, right * reach[:, None]), 1.0 / 127.0
