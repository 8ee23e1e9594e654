"""What calibration saw of each activation, until a rule makes a range of it."""

from __future__ import annotations

import numpy as np

from tfpipeline.export.quantize.ranges import CLIPPINGS, Range, minmax
from tfpipeline.export.samples.positions import every_fourth

_FEWEST = 8
_MOST_KEPT = 4096
"""Values of an activation that are kept of a sample."""
_STREAM_HEADROOM = 1.25
"""Of an activation over what it was in a stream: few streams are seen, and what a long
one comes to is rarer than what a sample does."""


def held_back(samples: int) -> tuple[int, ...]:
    """Return positions of the calibration samples on which choices are compared.

    Every fourth, because samples are often sorted by kind; none where so few would be left that
    one sample decides.
    """
    return every_fourth(samples, _FEWEST)


class Observations:
    """Extremes, means and, for rules that look at them, values of activations.

    Args:
        samples: How many there will be.
        keep_values: Whether rules other than min-max will be asked for.
    """

    def __init__(self, samples: int, keep_values: bool) -> None:
        self._samples = samples
        self._held_back = frozenset(held_back(samples))
        self._keep_values = keep_values
        # By activation, an entry a sample.
        self._extremes: dict[int, list[Range]] = {}
        self._kept: dict[int, list[np.ndarray]] = {}
        # By activation, the sum of the samples' means, with and without those held back.
        self._sums: dict[int, dict[bool, np.ndarray]] = {}

    def add(self, sample: int, index: int, values: np.ndarray) -> None:
        """Add what an activation was for a sample; samples come in order."""
        self._extremes.setdefault(index, []).append(minmax(values))
        if self._keep_values:
            self._kept.setdefault(index, []).append(_some_of(values))
        mean = values.reshape(-1, values.shape[-1] if values.ndim else 1).mean(axis=0)
        zeros = np.zeros(mean.shape, np.float32)
        sums = self._sums.setdefault(index, {True: zeros, False: zeros})
        sums[True] = sums[True] + mean
        if sample not in self._held_back:
            sums[False] = sums[False] + mean

    def widen(self, sample: int, index: int, values: np.ndarray) -> None:
        """Say that an activation has these values too for a sample; its mean stays as it was."""
        extremes = self._extremes[index]
        ends = _STREAM_HEADROOM * np.array(minmax(values))
        extremes[sample] = minmax(np.array([*extremes[sample], *ends]))
        if self._keep_values:
            kept = self._kept[index]
            kept[sample] = np.concatenate([kept[sample], _some_of(values)])

    def ranges(self, clipping: str, all_samples: bool = True) -> dict[int, Range]:
        """Return the range of each activation by the rule called `clipping`.

        Args:
            clipping: Key of `CLIPPINGS`.
            all_samples: Whether those held back count too.
        """
        choose, used = CLIPPINGS[clipping], self._used(all_samples)
        if choose is minmax:
            return {
                index: minmax(np.array([found[sample] for sample in used]))
                for index, found in self._extremes.items()
            }
        return {
            index: choose(np.concatenate([found[sample] for sample in used]))
            for index, found in self._kept.items()
        }

    def means(self, all_samples: bool = True) -> dict[int, np.ndarray]:
        """Return the mean of each activation over all but its last axis."""
        count = len(self._used(all_samples))
        return {index: sums[all_samples] / count for index, sums in self._sums.items()}

    def _used(self, all_samples: bool) -> list[int]:
        return [i for i in range(self._samples) if all_samples or i not in self._held_back]


def _some_of(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1)[:: max(1, values.size // _MOST_KEPT)].copy()
