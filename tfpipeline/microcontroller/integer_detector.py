"""A `tfpipeline.Detector` behind int32 scores: the executable specification of the C."""

from __future__ import annotations

import numpy as np

from tfpipeline.detection import Detector
from tfpipeline.detection.sliding_sums import SlidingSums
from tfpipeline.detection.units import cutoff_units
from tfpipeline.microcontroller.integer_probabilities import MOST_SCORES, IntegerProbabilities
from tfpipeline.numerics.byte_cells.fixed_point import IntArray

_MOST_FRAMES = 2**31


class IntegerDetector:
    """Finds what a `Detector` finds, of the integer scores of a classifier.

    Everything behind the probabilities is the detector's own arithmetic; the probabilities are
    within 8 / 65536 of those of the same scores in floating point.

    Args:
        detector: its labels, words, window, cutoff and refractory time are taken.
        classes: how many scores the classifier has.
        unit: a score stands for itself over this.
        sigmoid: whether each score is a probability of its own, as a single one always is;
            otherwise they share a softmax.

    Raises:
        ValueError: the detector is none or has other labels, or its numbers do not fit.
    """

    def __init__(
        self, detector: Detector, classes: int, unit: float, sigmoid: bool = False
    ) -> None:
        if not isinstance(detector, Detector):
            raise ValueError(f"`detector` must be a tfpipeline.Detector; received {detector!r}.")
        if len(detector.labels) != classes:
            raise ValueError(
                f"`detector` has {len(detector.labels)} labels, and the model {classes} scores; "
                "make it with the model's labels."
            )
        if classes > MOST_SCORES or detector.times.refractory_frames >= _MOST_FRAMES:
            raise ValueError(
                f"a detector in C takes at most {MOST_SCORES} labels and a refractory time below "
                f"{_MOST_FRAMES} frames; received {classes} and {detector.times.refractory_frames}."
            )
        self.labels = detector.labels
        self.columns = tuple(detector.labels.index(word) for word in detector.words)
        self.window = detector.window
        self.threshold = int(cutoff_units(detector.cutoff)) * detector.window
        self.rest = max(detector.times.refractory_frames, 1)
        self.probabilities = IntegerProbabilities(unit, sigmoid or classes == 1)
        self.reset()

    @property
    def ram_bytes(self) -> int:
        """Bytes of the state in C: the ring, sums, and two counters."""
        return 2 * self.window * len(self.columns) + 4 * len(self.columns) + 8

    def reset(self) -> None:
        """Begin a new stream."""
        self._sums = SlidingSums(self.window, len(self.columns))
        self.sums = [0] * len(self.columns)
        self._wait = 0

    def process(self, scores: IntArray) -> list[int]:
        """Return for each frame the index of the label that is found in it, or -1.

        Args:
            scores: `(frames, classes)` in int32.
        """
        sums = self._sums.process(self.probabilities(scores)[:, list(self.columns)])
        found = []
        if len(sums):
            self.sums = sums[-1].tolist()
        for row in sums:
            best = int(np.argmax(row))
            self._wait = max(self._wait - 1, 0)
            hit = self._wait == 0 and int(row[best]) >= self.threshold
            if hit:
                self._wait = self.rest
            found.append(self.columns[best] if hit else -1)
        return found
