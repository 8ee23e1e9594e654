"""Misses and false alarms of a detector at many cutoffs, in one pass over the scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.detection.curve import DetectionCurve
from tfpipeline.detection.reference_words import Interval, ReferenceWords
from tfpipeline.detection.smoothing import IGNORED, Smoothing
from tfpipeline.detection.timing import FrameTimes
from tfpipeline.detection.units import LOGITS, cutoff_units


def default_cutoffs() -> np.ndarray:
    """Return cutoffs from 0.05 to 0.9999: even steps, and finer ones close to 1."""
    return np.concatenate([np.arange(5, 90) / 100, 1 - np.logspace(-1, -4, 31)])


class CutoffSweep:
    """Counts what a `Detector` with each of many cutoffs finds, misses and finds wrongly.

    What counts as what, with intervals of spoken words as somebody labelled them:

    - A detection is a *hit* of a spoken word with its label when its time lies within the word's
      interval, or at most `tolerance` seconds after it. Each word is hit once. Where intervals
      overlap the detection belongs to the one that ends first, which makes the most hits possible.
    - Every other detection is a *false alarm*: where nothing was spoken, of another word than the
      spoken one, and a second one of a word that was hit already, as it does again what was asked
      for once.
    - Spoken words that are not hit are *misses*; the miss rate is their share.
    - False alarms are counted an hour of all audio that was heard.

    This is what microWakeWord's false accepts an hour and MLPerf Tiny's false positives and
    negatives of the streaming wakeword count, with several words.

    Args:
        labels, scores, window, refractory, frame_seconds, first_frame_seconds, ignored: as of
            `Detector`.
        cutoffs: ascending, in (0, 1]; `default_cutoffs()` when None.
        tolerance: seconds after a word's end in which it may be found; what a model and the window
            take to decide.

    Raises:
        ValueError: an argument is not what it should be.

    Example:
        >>> import numpy as np
        >>> from tfpipeline.data import LabelledInterval
        >>> sweep = CutoffSweep(("go",), [0.4, 0.8], scores="independent", window=1)
        >>> sweep.begin([LabelledInterval(0.0, 0.01, "go")])
        >>> sweep.process(np.array([[0.1], [0.5]]))
        >>> sweep.end(seconds=0.025)
        >>> [point.misses for point in sweep.curve().points()]
        [0, 1]
    """

    def __init__(
        self,
        labels: Sequence[str],
        cutoffs: Sequence[float] | np.ndarray | None = None,
        window: int = 10,
        refractory: float = 1.0,
        scores: str = LOGITS,
        tolerance: float = 0.5,
        frame_seconds: float = 0.01,
        first_frame_seconds: float | None = None,
        ignored: Sequence[str] = IGNORED,
    ) -> None:
        self._smoothing = Smoothing(labels, scores, window, ignored)
        self._times = FrameTimes(frame_seconds, first_frame_seconds, refractory)
        self._cutoffs = _ascending(default_cutoffs() if cutoffs is None else cutoffs)
        if not is_number(tolerance) or tolerance < 0:
            raise ValueError(f"`tolerance` must be 0 seconds or more; received {tolerance!r}.")
        self._tolerance = float(tolerance)
        self._least = cutoff_units(self._cutoffs) * self._smoothing.window
        shape = (len(self._cutoffs), len(self.words))
        self._spoken = np.zeros(len(self.words), np.int64)
        self._hits, self._false_alarms = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._seconds = 0.0
        self._references: ReferenceWords | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The labels that can be found."""
        return self._smoothing.words

    def begin(self, spoken: Iterable[Interval] = ()) -> None:
        """Begin a recording.

        Args:
            spoken: the words in it, with `start` and `end` in seconds and their `label`; labels
                that cannot be found are left out.
        """
        self._smoothing.reset()
        self._frames = 0
        self._free = np.zeros(len(self._cutoffs), np.int64)
        self._references = ReferenceWords(
            spoken, self.words, self._tolerance, cutoffs=len(self._cutoffs)
        )

    def process(self, scores: Any) -> None:
        """Take the scores of the next frames, `(labels,)` or `(frames, labels)`.

        Raises:
            ValueError: another shape or type, or values that are not finite.
            RuntimeError: no recording was begun.
        """
        references = self._begun()
        best, sums = self._smoothing.process(scores)
        for row in np.flatnonzero(sums >= self._least[0]):
            frame = self._frames + int(row)
            found = (sums[row] >= self._least) & (frame >= self._free)
            if not found.any():
                continue
            self._free[found] = frame + max(self._times.refractory_frames, 1)
            word = int(best[row])
            left = references.take(word, self._times.of(frame), found)
            self._false_alarms[left, word] += 1
        self._frames += len(sums)

    def end(self, seconds: float) -> None:
        """End a recording of so many seconds."""
        references = self._begun()
        self._spoken += references.spoken
        self._hits += references.hits()
        self._seconds += seconds
        self._references = None

    def curve(self) -> DetectionCurve:
        """Return what was counted in all recordings that have ended."""
        return DetectionCurve(
            self.words,
            self._cutoffs.copy(),
            self._spoken.copy(),
            self._hits.copy(),
            self._false_alarms.copy(),
            self._seconds,
        )

    def _begun(self) -> ReferenceWords:
        if self._references is None:
            raise RuntimeError("begin() a recording before its scores are processed")
        return self._references


def _ascending(cutoffs: Sequence[float] | np.ndarray) -> np.ndarray:
    values = np.asarray(cutoffs, np.float64)
    fits = values.ndim == 1 and len(values) > 0 and np.all((values > 0) & (values <= 1))
    if not fits or np.any(np.diff(values) <= 0):
        raise ValueError(
            f"`cutoffs` must be probabilities in (0, 1], ascending; received {cutoffs!r}."
        )
    return values
