"""How far values are from Keras', channel by channel, each against what the channel itself moves.

With `k[s, c]` what Keras puts out and `f[s, c]` what a file does, where `s` runs over samples and
time steps and `c` over the channels, the entries of the last axis:

    error of channel c = sqrt(mean_s (f[s, c] - k[s, c])^2) / scale[c]
    overall error      = sqrt(mean_sc (f[s, c] - k[s, c])^2) / spread
    spread             = sqrt(mean_c var_s k[s, c])

`scale[c]` is the standard deviation of the channel, sqrt(var_s k[s, c]), so that nothing large
hides a small channel that is lost. Where the channels are scores of classes, which are compared
with each other, `spread` is the scale of them all: that a rare class hardly moves makes it no less
comparable. A file that puts out the mean of a channel whatever its input has an error of 1 there.

The overall error and that of the worst channel have bounds of their own (`tolerances.py`).

Booleans are right or wrong, and none is nearly right: their error is the share that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-6
"""Sums of float32 differ by this much of their size where they should be equal."""
_HARDLY = 1e-3
"""A channel that moves less than this share of its own size, and of what the liveliest channel
moves, counts as constant."""
_FEWEST = 8
"""Fewer positions say little about a single channel, neither how far it deviates nor how large its
error is: all values count together only, over their standard deviation."""


@dataclass(frozen=True)
class Scales:
    """What the errors of one output are divided by.

    Args:
        channels: Of each channel; empty where there are too few positions to tell them apart.
        spread: Of the whole output.
        constant: Whether Keras' values are the same for all samples; then both are its size.
        time_axis: Whether the axis after the samples is time.
    """

    channels: np.ndarray
    spread: float
    constant: bool
    time_axis: bool

    @classmethod
    def of(cls, values: np.ndarray, *, comparable: bool = False, time_axis: bool = False) -> Scales:
        """Look at what Keras puts out.

        Args:
            values: `(samples, ..., channels)`, or `(samples,)`.
            comparable: Whether the channels are scores of classes.
            time_axis: Whether the axis after the samples is time, and so no channel.
        """
        flat = channels_of(values, time_axis).astype(np.float64)
        own = flat.std(axis=0)
        size = np.abs(flat).max(axis=0)
        spread = float(np.sqrt((own**2).mean()))
        if is_constant(values):
            largest = float(size.max()) or 1.0
            size[size <= _ROUNDING * largest] = largest
            return cls(
                np.full_like(size, largest) if comparable else size, largest, True, time_axis
            )
        if len(flat) < _FEWEST:
            return cls(np.empty(0), float(flat.std()), False, time_axis)
        if comparable:
            return cls(np.full_like(own, spread), spread, False, time_axis)
        scale = own.copy()
        still = (own <= _HARDLY * size) & (own <= _HARDLY * own.max())
        still |= own <= _ROUNDING * size
        scale[still] = size[still]
        # Zero on all samples, beside channels that are not.
        scale[scale <= _ROUNDING * spread] = spread
        return cls(scale, spread, False, time_axis)


@dataclass(frozen=True)
class RelativeErrors:
    """The errors of one output.

    Args:
        channels: Of each channel; empty where they count together only.
        overall: Of all of them together.
    """

    channels: tuple[float, ...]
    overall: float

    @property
    def channel(self) -> float:
        """Of the worst channel; of all together where channels are not told apart."""
        return max(self.channels, key=_worse) if self.channels else self.overall


def relative_errors(found: np.ndarray, expected: np.ndarray, scales: Scales) -> RelativeErrors:
    """Return the errors of `found` against `expected`, of the same shape."""
    mine, theirs = (channels_of(values, scales.time_axis) for values in (found, expected))
    if are_decisions(expected):
        wrong = mine != theirs
        channels = wrong.mean(axis=0) if scales.channels.size else ()
        return RelativeErrors(tuple(float(one) for one in channels), float(wrong.mean()))
    squares = (mine - theirs) ** 2
    overall = float(np.sqrt(squares.mean())) / scales.spread
    if not scales.channels.size or len(squares) < _FEWEST and not scales.constant:
        return RelativeErrors((), overall)
    channels = np.sqrt(squares.mean(axis=0)) / scales.channels
    return RelativeErrors(tuple(float(one) for one in channels), overall)


def worst_channel(errors: Sequence[float]) -> int:
    """Return the channel with the largest error; one without a number is worse than any."""
    return max(range(len(errors)), key=lambda channel: _worse(errors[channel]))


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the overall error alone, for what lies within a model."""
    return relative_errors(found, expected, Scales.of(expected, time_axis=True)).overall


def channels_of(values: np.ndarray, time_axis: bool = False) -> np.ndarray:
    """Values as `(positions, channels)`, float64 or booleans.

    Axes of size 1 at the end are no channels: those of `(samples, bands, 1)` are the bands. Time
    steps are none either.
    """
    while values.ndim > (3 if time_axis else 2) and values.shape[-1] == 1:
        values = values[..., 0]
    width = values.shape[-1] if values.ndim > 1 else 1
    flat = values.reshape(-1, width)
    return flat if are_decisions(values) else flat.astype(np.float64)


def are_decisions(values: np.ndarray) -> bool:
    """Return whether values are booleans."""
    return values.dtype.kind == "b"


def is_constant(values: np.ndarray) -> bool:
    """Return whether all samples have the same values, but for float32's rounding.

    Of a single sample, whether its time steps do.
    """
    several = values if len(values) > 1 or values.ndim < 3 else values[0]
    deviation = several.std(axis=0, dtype=np.float64)
    return bool(deviation.max() <= _ROUNDING * float(np.abs(values).max()))


def _worse(error: float) -> float:
    return error if error == error else np.inf
