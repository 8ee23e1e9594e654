"""The part that a detector and a sweep over cutoffs share: scores in, the best word out."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from tfpipeline.detection.sliding_sums import SlidingSums
from tfpipeline.detection.units import SCORES, score_units

IGNORED = ("_silence_", "_unknown_")
_MOST_WINDOW = 65536


class Smoothing:
    """Sums of the last frames of the labels that can be detected, and the largest of them.

    Args:
        labels: name of each score of a frame; those in `ignored` are never detected.
        scores: "logits", "probabilities" or "independent".
        window: frames of the mean.
        ignored: labels that are no words.

    Raises:
        ValueError: an argument is not what it should be.
    """

    def __init__(
        self, labels: Sequence[str], scores: str, window: int, ignored: Sequence[str] = IGNORED
    ) -> None:
        self.labels = tuple(labels)
        self.words = tuple(label for label in self.labels if label not in ignored)
        if isinstance(labels, str) or len(set(self.labels)) < len(self.labels) or not self.words:
            raise ValueError(
                "`labels` must be different names, at least one of them a word that is not in "
                f"{tuple(ignored)}; received {labels!r}."
            )
        if scores not in SCORES:
            raise ValueError(f"`scores` must be one of {', '.join(SCORES)}; received {scores!r}.")
        whole = isinstance(window, Integral) and not isinstance(window, bool)
        if not whole or not 1 <= window <= _MOST_WINDOW:
            raise ValueError(
                f"`window` must be a whole number of frames from 1 to {_MOST_WINDOW}; received "
                f"{window!r}."
            )
        self.scores = scores
        self.window = int(window)
        self._columns = [self.labels.index(word) for word in self.words]
        self._sums = SlidingSums(self.window, len(self.words))

    def reset(self) -> None:
        """Begin a new stream."""
        self._sums.reset()

    def process(self, scores: Any) -> tuple[np.ndarray, np.ndarray]:
        """Take the next frames.

        Args:
            scores: `(labels,)` of one frame or `(frames, labels)`.

        Returns:
            The index of the word with the largest sum in each frame (of equal ones the first), and
            this sum, in units of 1/65536.

        Raises:
            ValueError: another shape or type, or values that are not finite; nothing was taken.
        """
        values = np.asarray(scores)
        if values.ndim == 1 and values.size:
            values = values[None]
        if values.ndim == 1:
            values = values.reshape(0, len(self.labels))
        if values.ndim != 2 or values.shape[1] != len(self.labels):
            raise ValueError(
                f"`scores` must have the shape ({len(self.labels)},) or (frames, "
                f"{len(self.labels)}), a score for each of the labels; received "
                f"{np.asarray(scores).shape}."
            )
        sums = self._sums.process(score_units(values, self.scores)[:, self._columns])
        best = sums.argmax(axis=1)
        return best, sums[np.arange(len(sums)), best]
