"""The words that were spoken in a recording, and which of them were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np


class Interval(Protocol):
    """An interval with a label, such as `tfpipeline.data.LabelledInterval`."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def label(self) -> str: ...


class ReferenceWords:
    """Which spoken words have been hit, at each of several cutoffs.

    Args:
        spoken: all words of the recording.
        words: those that can be found; others are left out.
        tolerance: seconds after a word in which it may be found.
        cutoffs: how many.
    """

    def __init__(
        self, spoken: Iterable[Interval], words: Sequence[str], tolerance: float, cutoffs: int
    ) -> None:
        number = {word: i for i, word in enumerate(words)}
        kept = sorted(
            (one.end + tolerance, one.start, number[one.label])
            for one in spoken
            if one.label in number
        )
        self._ends = np.array([end for end, _, _ in kept], np.float64)
        self._starts = np.array([start for _, start, _ in kept], np.float64)
        self._words = np.array([word for _, _, word in kept], np.int64)
        self._hit = np.zeros((len(kept), cutoffs), bool)
        self.spoken = np.bincount(self._words, minlength=len(words))

    def take(self, word: int, time: float, found: np.ndarray) -> np.ndarray:
        """Give a detection to the word that it belongs to, which is hit from now on.

        Args:
            word: number of the detected word.
            time: of the detection; not before that of the last call.
            found: the cutoffs that detect it, `(cutoffs,)`.

        Returns:
            The cutoffs at which it belongs to none.
        """
        left = found.copy()
        # Sorted by their ends: those that ended before the detection are behind us.
        first = int(np.searchsorted(self._ends, time))
        open_now = (self._words[first:] == word) & (self._starts[first:] <= time)
        for i in first + np.flatnonzero(open_now):
            hit = left & ~self._hit[i]
            self._hit[i] |= hit
            left &= ~hit
        return left

    def hits(self) -> np.ndarray:
        """Return how many words of each number were hit at each cutoff, `(cutoffs, words)`."""
        counts = np.zeros((self._hit.shape[1], len(self.spoken)), np.int64)
        np.add.at(counts.T, self._words, self._hit)
        return counts
