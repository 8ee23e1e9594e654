"""What verification found out about shorter sequences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LengthsReport:
    """A whole-sequence file on shorter sequences.

    Args:
        lengths: Those that were tried.
        samples: How many samples were cut to each.
        relative_error: Against Keras on the cut samples, over all lengths and channels of the
            output that is furthest off.
        channel_error: Of the worst channel of all outputs.
        ignores_padding: Whether other values after the end give the same bits.
    """

    lengths: tuple[int, ...]
    samples: int
    relative_error: float
    channel_error: float
    ignores_padding: bool
