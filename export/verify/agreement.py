"""How often a file chooses Keras' label, where choosing means something.

A decision counts against a file when Keras' score of the label that the file chooses lies below
Keras' best score by more than the allowed error: a near tie says nothing about the file. Allowed is
`relative_error` of the tolerances times the spread of the output (`relative_error.py`), and never
more than 0.15 spreads: a file that may have any error would agree with everything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LARGEST_MARGIN = 0.15
_RARE = 0.05


@dataclass(frozen=True)
class Decisions:
    """Decisions of one output.

    Args:
        count: How many there were: one for each sample, and for each of its time steps where the
            output has any.
        disagreements: How many count against the file.
    """

    count: int
    disagreements: int

    @property
    def agreement(self) -> float:
        """The share of those that do not."""
        return 1.0 - self.disagreements / self.count

    def refused_by(self, least: float) -> bool:
        """Whether there are more disagreements than a file with the least agreement would show.

        That is, whether such a file would show so many in less than one of twenty cases, so that 1
        of 32 is not taken for 3 %.
        """
        return _as_many_by_chance(self.disagreements, self.count, 1.0 - least) < _RARE

    def least_accepted(self) -> float:
        """Return the largest bound, in steps of a hundredth, that accepts these decisions."""
        return next(least / 100 for least in range(100, -1, -1) if not self.refused_by(least / 100))


def compare_booleans(found: np.ndarray, expected: np.ndarray) -> Decisions:
    """Compare outputs of which each entry is a decision of its own, without near ties."""
    return Decisions(int(expected.size), int((found != expected).sum()))


def margin(relative_error: float, spread: float) -> float:
    """By how much a score may be below the best without a disagreement."""
    return min(relative_error, _LARGEST_MARGIN) * spread


def compare_decisions(
    found: np.ndarray, expected: np.ndarray, allowed: float, other: np.ndarray | None = None
) -> Decisions:
    """Compare what a file chooses with what Keras does, or another file.

    Args:
        found: Scores of the file, `(samples, ..., labels)`.
        expected: Keras' scores.
        allowed: The margin.
        other: Scores of another file; by default Keras' own.
    """
    mine = _scores_of_best(expected, found)
    theirs = _scores_of_best(expected, expected if other is None else other)
    beyond = ~(np.abs(theirs - mine) <= allowed)
    return Decisions(int(beyond.size), int(beyond.sum()))


def can_choose(values: np.ndarray) -> bool:
    """Return whether there is more than one entry to choose from."""
    return values.ndim > 1 and values.shape[-1] > 1


def _scores_of_best(expected: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Keras' score of the label that `scores` choose; no number where they hold none."""
    best = scores.argmax(axis=-1)[..., None]
    found = np.take_along_axis(expected.astype(np.float64), best, axis=-1)[..., 0]
    return np.where(np.isnan(scores).any(axis=-1), np.nan, found)


def _as_many_by_chance(disagreements: int, count: int, rate: float) -> float:
    """Return the probability of at least so many disagreements, each with probability `rate`."""
    if disagreements <= count * rate:
        return 1.0
    if rate <= 0.0:
        return 0.0
    # Beyond the mean the terms fall, so the first few are all that counts.
    term = math.exp(
        math.lgamma(count + 1)
        - math.lgamma(disagreements + 1)
        - math.lgamma(count - disagreements + 1)
        + disagreements * math.log(rate)
        + (count - disagreements) * math.log1p(-rate)
    )
    total = 0.0
    for k in range(disagreements, count + 1):
        total += term
        if term <= 1e-9 * total:
            break
        term *= (count - k) / (k + 1) * rate / (1.0 - rate)
    return total
