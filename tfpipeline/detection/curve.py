"""Misses and false alarms at each cutoff, and the choice of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_SECONDS_OF_AN_HOUR = 3600.0


@dataclass(frozen=True)
class OperatingPoint:
    """What a detector does at one cutoff.

    Args:
        cutoff: of the detector.
        words, misses: spoken words, and those of them that were not found.
        false_alarms: detections that belong to no spoken word.
        hours: of audio.
    """

    cutoff: float
    words: int
    misses: int
    false_alarms: int
    hours: float

    @property
    def miss_rate(self) -> float | None:
        """Share of the spoken words that were not found; None where none was spoken."""
        return self.misses / self.words if self.words else None

    @property
    def false_alarms_per_hour(self) -> float | None:
        """False alarms an hour of audio; None without audio."""
        return self.false_alarms / self.hours if self.hours else None

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and rates for JSON."""
        return {
            "cutoff": self.cutoff,
            "words": self.words,
            "misses": self.misses,
            "miss_rate": self.miss_rate,
            "false_alarms": self.false_alarms,
            "hours": self.hours,
            "false_alarms_per_hour": self.false_alarms_per_hour,
        }


@dataclass(frozen=True)
class DetectionCurve:
    """Counts at each cutoff, of each word; `CutoffSweep` makes it and says what counts as what.

    Args:
        words: that can be found.
        cutoffs: ascending, `(cutoffs,)`.
        spoken: how often each word was spoken, `(words,)`.
        hits: how many of them were found, `(cutoffs, words)`.
        false_alarms: detections of each word that belong to none, `(cutoffs, words)`.
        seconds: of audio.
    """

    words: tuple[str, ...]
    cutoffs: np.ndarray
    spoken: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray
    seconds: float

    def points(self, word: str | None = None) -> list[OperatingPoint]:
        """Return what happens at each cutoff, for one word or all of them together."""
        return [self._point(index, word) for index in range(len(self.cutoffs))]

    def at(self, cutoff: float, word: str | None = None) -> OperatingPoint:
        """Return what happens at a cutoff of the curve.

        Raises:
            ValueError: it is not one of them.
        """
        index = np.flatnonzero(self.cutoffs == cutoff)
        if not len(index):
            raise ValueError(f"`cutoff` must be one of those of the curve; received {cutoff!r}.")
        return self._point(int(index[0]), word)

    def operating_point(self, most_false_alarms_per_hour: float) -> OperatingPoint | None:
        """Choose the cutoff with the fewest misses whose false alarms an hour are within a limit.

        Of equal misses those with the fewest false alarms, and of these the one in the middle: the
        furthest from where more is missed and from where there are more false alarms. Choose on
        validation recordings, and report what `at` says of others.

        Returns:
            The point, or None where no cutoff is within the limit.
        """
        limit = most_false_alarms_per_hour * self.seconds / _SECONDS_OF_AN_HOUR
        points = self.points()
        within = [point for point in points if point.false_alarms <= limit]
        if not within:
            return None
        best = min((point.misses, point.false_alarms) for point in within)
        equal = [point for point in within if (point.misses, point.false_alarms) == best]
        return equal[(len(equal) - 1) // 2]

    def to_dict(self) -> dict[str, Any]:
        """Return the curve for JSON: a list a column, and the counts of each word."""
        return {
            "cutoffs": self.cutoffs.tolist(),
            "hours": self.seconds / _SECONDS_OF_AN_HOUR,
            "words": {
                word: {
                    "spoken": int(self.spoken[i]),
                    "hits": self.hits[:, i].tolist(),
                    "false_alarms": self.false_alarms[:, i].tolist(),
                }
                for i, word in enumerate(self.words)
            },
        }

    def _point(self, index: int, word: str | None) -> OperatingPoint:
        which = slice(None) if word is None else self.words.index(word)
        spoken = int(np.sum(self.spoken[which]))
        return OperatingPoint(
            cutoff=float(self.cutoffs[index]),
            words=spoken,
            misses=spoken - int(np.sum(self.hits[index, which])),
            false_alarms=int(np.sum(self.false_alarms[index, which])),
            hours=self.seconds / _SECONDS_OF_AN_HOUR,
        )
