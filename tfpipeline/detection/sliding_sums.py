"""Sums of the last frames of a stream."""

from __future__ import annotations

import numpy as np


class SlidingSums:
    """The sum of the last `window` frames, for each frame of a stream; zeros came before it.

    Exact, however a stream is cut into calls: integers of 16 bits, whose sums fit 32 bits.

    Args:
        window: frames that are added, at most 65,536.
        labels: integers in a frame.
    """

    def __init__(self, window: int, labels: int) -> None:
        self._window = window
        self._labels = labels
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._last = np.zeros((self._window, self._labels), np.uint16)
        self._sums = np.zeros(self._labels, np.int64)

    def process(self, units: np.ndarray) -> np.ndarray:
        """Take the next `(frames, labels)`, uint16; return their sums, int64 of the same shape."""
        rows = np.concatenate([self._last, units])
        change = units.astype(np.int64) - rows[: len(units)]
        sums: np.ndarray = self._sums + np.cumsum(change, axis=0)
        if len(units):
            self._sums = sums[-1]
        self._last = rows[len(rows) - self._window :].copy()
        return sums
