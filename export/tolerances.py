"""How far an exported file may be from Keras."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tfpipeline.export.modes import FLOAT32, Mode

_LIVING_CHANNEL = 0.9
"""A channel with a smaller error follows its input; noise and constants have 1 and more."""
_TINY = 1e-12


@dataclass(frozen=True)
class Tolerances:
    """How far an exported form may be from Keras on the verification samples.

    Args:
        agreement: Smallest share of decisions on which a file may choose Keras' label, of every
            output whose largest entry is an answer. Near ties do not count (`agreement.py`), and a
            file is refused only for more disagreements than such a share explains.
        relative_error: Largest root mean square error of an output as a whole, over what Keras'
            values deviate (`relative_error.py`). It also says what is accepted of single channels
            (`channel_error`).
        drift: How many times larger a past of ten training lengths may make the error of a stream's
            outputs, where it ends above a third of `relative_error`, of one of their channels,
            where it ends above `channel_error`, or of its states, where it ends above
            `relative_error`.
    """

    agreement: float = 0.97
    relative_error: float = 0.15
    drift: float = 2.0

    @property
    def channel_error(self) -> float:
        """Largest error of a single channel of an output that has several.

        The worst of many channels is further off than all of them together: `2 * relative_error`,
        but no more than 0.9, because a file that puts out the mean of a channel whatever its input
        has an error of 1 there.
        """
        return max(self.relative_error, min(2.0 * self.relative_error, _LIVING_CHANNEL))

    @classmethod
    def for_mode(cls, modes: Iterable[Mode]) -> Tolerances:
        """Return what is usual for the coarsest of the formats that a model uses."""
        usual = [_usual(mode) for mode in modes]
        return cls(min(one.agreement for one in usual), max(one.relative_error for one in usual))

    def to_dict(self) -> dict[str, float]:
        """Return all bounds by name, the derived one too."""
        return {**vars(self), "channel_error": self.channel_error}

    def exhausted(self, relative_error: float, channel_error: float) -> float:
        """Return the larger share that an output's or its worst channel's error is of its bound."""
        whole = relative_error / max(self.relative_error, _TINY)
        channel = channel_error / max(self.channel_error, _TINY)
        share = max(whole, channel)
        return share if whole == whole and channel == channel else math.inf

    def accepting_channel(self, measured: float) -> float:
        """Return the `relative_error` with which a channel's measured error is accepted."""
        return self.accepting(measured / 2.0 if measured <= _LIVING_CHANNEL else measured)

    def accepting(self, measured: float) -> float:
        """Return a bound of two digits that the measured error keeps to, with a little room."""
        if not math.isfinite(measured):
            return math.inf
        step = 10.0 ** (math.floor(math.log10(measured)) - 1) if measured > 0.0 else 0.01
        return float(f"{math.ceil(1.02 * measured / step) * step:.2g}")


def _usual(mode: Mode) -> Tolerances:
    """Return what a sound file of one format keeps to.

    The bounds leave room above the worst of the models in docs/export_support.md, which are small
    and so more sensitive to rounding than trained ones. A file that gives the mean of the scores
    whatever the input has an error of 1, one that has nothing to do with the model 1.4.
    """
    if mode.weight_bits == 4:
        # Measured 0.69 and 0.92; a trained keyword model had 0.14 over all channels.
        return Tolerances(agreement=0.75, relative_error=0.7)
    if mode.weight_bits == 2 and mode.integer_weights:
        # Measured 0.12 and 0.98: weights of two bits are exact, but ternary models react strongly
        # to rounded activations.
        return Tolerances(agreement=0.65, relative_error=0.35)
    if mode.activations != FLOAT32 or mode.integer_weights:
        # Measured 0.12 and 0.995.
        return Tolerances()
    if mode.weights == "float16":
        # Measured 0.0022 and 1.
        return Tolerances(agreement=0.99, relative_error=0.01)
    # Measured 6e-7 and 1: only the order of additions differs.
    return Tolerances(agreement=0.99, relative_error=0.001)
