"""Weights that integers of few bits hold exactly, and the matrices of a kernel to write for them.

What matters are the matrices that are written: two ternary factors have a product that is not
ternary, and nothing would be left of it in two bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tfpipeline.export.quantize.binary_planes import are_smaller, split_planes
from tfpipeline.export.quantize.zero_blocks import pays_without_blocks, zero_blocks
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.quantize import symmetric_limit
from tfpipeline.protocol import RecurrentStep

Matrices = tuple[np.ndarray, ...]
"""A kernel in Keras' orientation: `(W,)`, or its factors `(left, right)`."""


def fits_two_bits(matrices: Iterable[np.ndarray]) -> bool:
    """Whether every row `(out, in)` is binary or ternary: -s, 0 or s for a scale s of its own."""
    return all(_fits(matrix, 2) for matrix in matrices)


def held_exactly(kernel: Matrices, bits: int) -> bool:
    """Return whether integers of `bits` bits, with a scale for each output, hold a kernel exactly.

    Never true of 8 bits, which leave no error worth a choice.
    """
    return bits < 8 and all(_fits(matrix.T, bits) for matrix in kernel)


def written_kernels(step: RecurrentStep, bits: int) -> tuple[Matrices, Matrices, int]:
    """Return the matrices of a recurrent layer to write, and the bits of their weights.

    Args:
        step: The layer.
        bits: Of a weight, as its mode has it.

    Returns:
        The matrices of kernel and recurrent kernel, and 8 bits instead of 2 where these are neither
        ternary nor sums of binary planes that are smaller.
    """
    kernels = (step.kernel, step.recurrent_kernel)
    ternary = all(held_exactly(smallest_form(kernel, 2), 2) for kernel in kernels)
    if bits == 2 and not ternary and not _are_planes(step):
        bits = 8
    gates = len(CELLS[step.cell].gates)
    kernel, recurrent = (smallest_form(kernel, bits, gates) for kernel in kernels)
    return kernel, recurrent, bits


def _are_planes(step: RecurrentStep) -> bool:
    """Whether both kernels are stored as planes: whole ones that nothing normalizes at run time."""
    kernels = [kernel for kernel in (step.kernel, step.recurrent_kernel) if kernel]
    if step.layer_norm is not None or any(len(kernel) > 1 for kernel in kernels):
        return False
    planes = []
    for (matrix,) in kernels:
        found = split_planes(matrix.T)
        if found is None:
            return False
        planes.append(found)
    return are_smaller(planes)


def smallest_form(kernel: Matrices, bits: int, gates: int = 1) -> Matrices:
    """Return the form of a kernel with the fewest weights.

    Of those that `bits` bits hold exactly, if there are any. The product of two factors is
    preferred where it is no larger. Blocks of zeros that 8-bit weights leave out do not count:
    sparse factors have a product with hardly a zero.
    """
    if not kernel:
        return ()
    exact = [form for form in _forms(kernel) if held_exactly(form, bits)]
    # What does not fit two bits gets eight.
    if exact or bits == 4:
        return min(exact or _forms(kernel), key=_size)
    return min(_forms(kernel), key=lambda form: _stored_size(form, gates))


def _forms(kernel: Matrices) -> Sequence[Matrices]:
    return [kernel] if len(kernel) == 1 else [(kernel[0] @ kernel[1],), kernel]


def _size(kernel: Matrices) -> int:
    return sum(matrix.size for matrix in kernel)


def _stored_size(kernel: Matrices, gates: int) -> float:
    total = 0.0
    for number, matrix in enumerate(kernel):
        # The outputs of the last matrix are those of the gates, one after another.
        rows, parts = matrix.T, gates if number == len(kernel) - 1 else 1
        skipped = zero_blocks(rows, parts) if pays_without_blocks(rows, parts) else 0.0
        total += rows.size * (1.0 - skipped)
    return total


def _fits(matrix: np.ndarray, bits: int) -> bool:
    largest = np.abs(matrix).max(axis=-1, keepdims=True)
    if bits == 2:
        near = np.isclose(np.abs(matrix), largest, rtol=1e-5)
        return bool(np.all((np.abs(matrix) <= 1e-6 * largest) | near))
    steps = np.where(largest > 0.0, largest, 1.0) / symmetric_limit(bits)
    return bool(np.all(np.abs(matrix - np.rint(matrix / steps) * steps) <= 1e-5 * largest))
