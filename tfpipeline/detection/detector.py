"""Finds words in a stream of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfpipeline.detection.smoothing import IGNORED, Smoothing
from tfpipeline.detection.timing import FrameTimes
from tfpipeline.detection.units import LOGITS, ONE, cutoff_units


@dataclass(frozen=True)
class Detection:
    """A word that was found.

    Args:
        label: the word.
        time: seconds from the start of the stream to the end of the audio that decided.
        score: mean probability of the last `window` frames.
        frame: number of the frame that decided, from 0.
    """

    label: str
    time: float
    score: float
    frame: int


class Detector:
    """Finds words in the scores of a streaming model, frame by frame.

    A word is found in a frame when the mean of its probability over the last `window` frames is at
    least `cutoff` (as `sliding_window_size` and `probability_cutoff` of microWakeWord); of several
    the one with the largest mean, of equal means the first. After that nothing is found for the
    `refractory` time, whichever word: a word whose probability stays high is found once.

    All of it is integer arithmetic, so that a program in C finds the same, bit for bit. With
    `q[i, k]` the probability of word k in frame i as uint16 in units of 1/65536:

        S[i, k] = q[i, k] + q[i - 1, k] + ... + q[i - window + 1, k]     (q = 0 before the stream)
        k*      = the first k with the largest S[i, k]
        found   = S[i, k*] >= C * window  and  i >= free;  then  free = i + max(R, 1)

    The state is a ring of `window` frames of uint16, a uint32 sum a word, and `free`, which is 0 at
    the start. `C` is `cutoff` times 65536, rounded to the nearest integer, ties to even, from 1 to
    65535; `R` is `refractory` in frames, rounded in the same way. `q` of a float32 probability is
    made in the same way as `C`, with 0 as the least; an int8 output v of a quantized softmax or
    sigmoid (scale 1/256, zero point -128) has q = (v + 128) * 256, a uint8 output q = v * 256. Such
    a model says at most 255/256, which no cutoff above 0.996 is reached by. A program for it may as
    well keep a ring of bytes and compare their sums, times 256.

    Args:
        labels: name of each score of a frame.
        cutoff: mean probability from which a word counts, in (0, 1].
        window: frames of the mean; 1 takes each as it is.
        refractory: seconds after a detection in which there is no other; 0 for none.
        scores: what a model puts out: "logits" (of a softmax; of a sigmoid for a single label),
            "probabilities" that sum to 1, or "independent" ones. uint8 and int8 are probabilities.
        frame_seconds: seconds from one row of scores to the next.
        first_frame_seconds: seconds of audio that the first row of scores has heard; None for
            `frame_seconds`.
        ignored: labels that are no words and never found.

    Raises:
        ValueError: an argument is not what it should be.

    Example:
        >>> import numpy as np
        >>> detector = Detector(("_silence_", "yes", "no"), cutoff=0.6, window=2)
        >>> found = detector.process(np.log([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]]))
        >>> [(one.label, round(one.time, 2), round(one.score, 2)) for one in found]
        [('yes', 0.02, 0.75)]
    """

    def __init__(
        self,
        labels: Sequence[str],
        cutoff: float = 0.5,
        window: int = 10,
        refractory: float = 1.0,
        scores: str = LOGITS,
        frame_seconds: float = 0.01,
        first_frame_seconds: float | None = None,
        ignored: Sequence[str] = IGNORED,
    ) -> None:
        self._smoothing = Smoothing(labels, scores, window, ignored)
        self.times = FrameTimes(frame_seconds, first_frame_seconds, refractory)
        self.cutoff = check_cutoff(cutoff)
        self.refractory = float(refractory)
        self.reset()

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each score."""
        return self._smoothing.labels

    @property
    def words(self) -> tuple[str, ...]:
        """The labels that can be found."""
        return self._smoothing.words

    @property
    def scores(self) -> str:
        """What a score is: "logits", "probabilities" or "independent"."""
        return self._smoothing.scores

    @property
    def window(self) -> int:
        """Frames of the mean."""
        return self._smoothing.window

    def reset(self) -> None:
        """Begin a new stream."""
        self._smoothing.reset()
        self._frames = 0
        self._free = 0

    def process(self, scores: Any) -> list[Detection]:
        """Take the next frames and return what is found in them.

        Args:
            scores: `(labels,)` of one frame or `(frames, labels)`, what `Streamer.process` or
                `Streamer.process_audio` returned.

        Raises:
            ValueError: another shape or type, or values that are not finite; the detector is then
                unchanged.
        """
        best, sums = self._smoothing.process(scores)
        found = []
        for row in np.flatnonzero(sums >= cutoff_units(self.cutoff) * self.window):
            frame = self._frames + int(row)
            if frame >= self._free:
                self._free = frame + max(self.times.refractory_frames, 1)
                score = int(sums[row]) / (ONE * self.window)
                word = self.words[best[row]]
                found.append(Detection(word, self.times.of(frame), score, frame))
        self._frames += len(sums)
        return found


def check_cutoff(cutoff: Any) -> float:
    """Return a cutoff.

    Raises:
        ValueError: it is none.
    """
    value = np.asarray(cutoff)
    if value.shape != () or value.dtype.kind not in "fiu" or not 0 < value <= 1:
        raise ValueError(f"`cutoff` must be a probability in (0, 1]; received {cutoff!r}.")
    return float(value)
