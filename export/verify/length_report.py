"""What verification found out about shorter sequences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LengthsReport:
    """A whole-sequence file on shorter sequences.

    Args:
        lengths: Those that were tried.
        samples: How many samples were cut to each.
        relative_error: Of the worst channel over all lengths, against Keras on the cut samples.
        ignores_padding: Whether other values after the end give the same bits.
    """

    lengths: tuple[int, ...]
    samples: int
    relative_error: float
    ignores_padding: bool
