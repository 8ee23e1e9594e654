"""Recurrent layers of which a mode of two bits stores eight, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tfpipeline.export.modes import ModeTable
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.recurrent import QuantizedMatrix

# Magnitudes of a row up to which it may be one of few bits: four planes have eight.
_FEW = 8


def wide_layers(plans: Iterable[RecurrentPlan], modes: ModeTable) -> dict[str, str]:
    """Return by layer why its weights have eight bits where its mode has two."""
    found = {}
    for plan in plans:
        mode, matrices = modes.of(plan.name), (*plan.kernel, *plan.recurrent_kernel)
        two = mode.integer_weights and mode.weight_bits == 2
        if two and any(matrix.bits == 8 for matrix in matrices):
            found[plan.name] = _why(matrices)
    return found


def _why(matrices: Sequence[QuantizedMatrix]) -> str:
    values = max(len(np.unique(row)) for matrix in matrices for row in matrix.values)
    why = f"two bits hold rows of -s, 0 and s, and it has rows of {values} values"
    found = [max(len(np.unique(np.abs(row))) for row in m.values.astype(int)) for m in matrices]
    # A short row of any numbers has few magnitudes too.
    limits = [min(_FEW, matrix.values.shape[1] // 2) for matrix in matrices]
    if any(count > limit for count, limit in zip(found, limits, strict=True)):
        return why
    planes = 1 + math.ceil(math.log2(max(found)))
    return (
        f"{why}, sums of {planes} binary planes: each is rounded by half a step of its row at most"
    )
