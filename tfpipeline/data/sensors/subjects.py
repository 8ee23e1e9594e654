"""Chooses the people whose recordings are held back for validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.data.errors import DataError


def validation_subjects(
    function: str, found: Sequence[int], wanted: Sequence[int] | None, share: float, seed: int
) -> tuple[int, ...]:
    """Return the subjects of validation, sorted.

    Args:
        function: whose arguments these are, for the sentence of an error.
        found: subjects of the training data.
        wanted: those that the user names; None to draw them.
        share: of the subjects, rounded, and at least one where it is not 0.
        seed: of the draw.

    Raises:
        ValueError: a named subject is not there.
        DataError: no subject is left for training.
    """
    subjects = sorted({int(subject) for subject in found})
    if wanted is None:
        count = max(1, round(share * len(subjects))) if share else 0
        # Draws of RandomState are the same in every version of NumPy.
        order = np.random.RandomState(seed).permutation(len(subjects))
        chosen = sorted(subjects[i] for i in order[:count])
    else:
        chosen = sorted(set(wanted))
        if missing := [subject for subject in chosen if subject not in subjects]:
            raise ValueError(
                f"{function}: validation_subjects has {missing[0]!r}; the training data have "
                f"{', '.join(map(str, subjects))}."
            )
    if len(chosen) == len(subjects):
        raise DataError(
            f"{function}: the training data have {len(subjects)} subjects, all of which would be "
            "validation; name fewer in validation_subjects."
        )
    return tuple(chosen)
