"""Recurrent layers of which a mode of two bits stores eight, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tfpipeline.export.modes import ModeTable
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.recurrent import QuantizedMatrix

# Values of a row up to which it is called one of few bits.
_FEW = 16


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
    most = max(len(np.unique(row)) for matrix in matrices for row in matrix.values)
    why = f"two bits hold rows of -s, 0 and s, and it has rows of {most} values"
    if most > _FEW:
        return why
    planes = math.ceil(math.log2(most))
    return (
        f"{why}, sums of {planes} binary planes: each is rounded by half a step of its row at most"
    )
