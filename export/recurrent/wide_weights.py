"""Recurrent layers whose rows two bits do not hold: stored as binary planes or as eight bits."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tfpipeline.export.modes import ModeTable
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.planes import MAX_PLANES

# Magnitudes of a row up to which it may be one of few bits: four planes have eight.
_FEW = 8


def wide_layers(plans: Iterable[RecurrentPlan], modes: ModeTable) -> dict[str, str]:
    """Return by layer why its weights have eight bits where its mode has two."""
    found = {}
    for plan in plans:
        mode, matrices = modes.of(plan.name), (*plan.kernel, *plan.recurrent_kernel)
        two = mode.integer_weights and mode.weight_bits == 2
        if two and any(matrix.bits == 8 for matrix in matrices):
            found[plan.name] = _why(plan)
    return found


def plane_layers(plans: Iterable[RecurrentPlan]) -> dict[str, str]:
    """Return by layer which of its kernels are stored as sums of binary planes."""
    found = {}
    for plan in plans:
        names = zip(("kernel", "recurrent kernel"), plan.planes(), strict=True)
        sums = [f"{name} of {planes} binary planes" for name, planes in names if planes > 1]
        if sums:
            found[plan.name] = f"{' and '.join(sums)}, as they trained"
    return found


def _why(plan: RecurrentPlan) -> str:
    matrices = (*plan.kernel, *plan.recurrent_kernel)
    values = max(len(np.unique(row)) for matrix in matrices for row in matrix.values)
    why = f"two bits hold rows of -s, 0 and s, and it has rows of {values} values"
    found = [max(len(np.unique(np.abs(row))) for row in m.values.astype(int)) for m in matrices]
    # A short row of any numbers has few magnitudes too.
    limits = [min(_FEW, matrix.values.shape[1] // 2) for matrix in matrices]
    if any(count > limit for count, limit in zip(found, limits, strict=True)):
        return why
    planes = 1 + math.ceil(math.log2(max(found)))
    return (
        f"{why}, sums of {planes} binary planes, {_why_no_planes(plan, planes)}: each is rounded "
        "by half a step of its row at most"
    )


def _why_no_planes(plan: RecurrentPlan, planes: int) -> str:
    if plan.layer_norm is not None:
        return "which no products have that are normalized at every step"
    return "which are no smaller" if planes > MAX_PLANES else "which would take more bytes"
