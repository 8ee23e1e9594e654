"""Sentences that a study examines, and the averages that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfpipeline.studies.common.rows import Row


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, or an expectation, and whether it holds here.

    Args:
        text: what is claimed.
        holds: whether it does.
        found: the numbers.
    """

    text: str
    holds: bool
    found: str

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'does NOT hold'}: {self.text} ({self.found})"


def mean(rows: Sequence[Row], column: str, **having: Any) -> float:
    """Return the mean of a column over the rows in which other columns have the given values."""
    own = [row[column] for row in rows if all(row[name] == value for name, value in having.items())]
    return float(sum(own) / len(own))


def spread(values: Sequence[float]) -> str:
    """Return mean and range of shares, in percent, for a person."""
    average = 100 * sum(values) / len(values)
    return f"{average:.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"
