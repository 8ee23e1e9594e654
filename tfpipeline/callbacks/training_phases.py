"""Where the phases of hard thresholding begin, in steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfpipeline.arguments import is_number

UNITS = ("fractions", "epochs", "steps")


@dataclass(frozen=True)
class TrainingPhases:
    """The steps before thresholding begins, and before the support is fixed."""

    thresholding_begins: int
    support_fixed: int

    def phase(self, done: int) -> int:
        """Return the phase (1, 2 or 3) that training is in after `done` steps.

        >>> [TrainingPhases(2, 4).phase(done) for done in range(6)]
        [1, 1, 2, 2, 3, 3]
        """
        return 1 + (done >= self.thresholding_begins) + (done >= self.support_fixed)


def check_phases(phases: Any, unit: str) -> tuple[float, float, float]:
    """Return the three lengths if they are ones in this unit."""
    if unit not in UNITS:
        raise ValueError(f"`unit` must be one of {', '.join(UNITS)}; received {unit!r}.")
    whole = unit != "fractions"
    expected = "ints that are not negative" if whole else "fractions that sum up to 1"
    good = (
        isinstance(phases, Sequence)
        and len(phases) == 3
        and all(is_number(length) and length >= 0 for length in phases)
        and (all(length == int(length) for length in phases) if whole else True)
        and (whole or math.isclose(sum(phases), 1, abs_tol=1e-6))
    )
    if not good:
        raise ValueError(
            f"`phases` must be three {expected} with unit={unit!r}; received {phases!r}."
        )
    first, second, third = phases
    return first, second, third


def phases_in_steps(
    phases: tuple[float, float, float], unit: str, params: Mapping[str, Any] | None
) -> TrainingPhases:
    """Return where the phases begin.

    Args:
        phases: their lengths.
        unit: of the lengths.
        params: Keras' parameters of `fit`: `steps` of an epoch, and `epochs`.

    Raises:
        ValueError: where the steps of an epoch must be known and are not.
    """
    first, second, _ = phases
    if unit == "steps":
        return TrainingPhases(int(first), int(first + second))
    steps = (params or {}).get("steps")
    if not steps:
        raise ValueError(
            f"`unit` must be 'steps' where the number of batches of an epoch is not known, as for "
            f"a generator; received unit={unit!r}: give `phases` in steps, or `steps_per_epoch` to "
            f"fit()."
        )
    # The batches counted from 0 that lie before a third of N are ceil(N / 3); 1e-9 for rounding.
    scale = steps if unit == "epochs" else steps * (params or {})["epochs"]
    return TrainingPhases(
        math.ceil(first * scale - 1e-9), math.ceil((first + second) * scale - 1e-9)
    )
