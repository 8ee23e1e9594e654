"""The level of floating-point audio: where full scale is 1, and not that of 16-bit integers."""

from __future__ import annotations

import numpy as np

MOST = 10.0
"""Largest sample of floating-point audio, 20 dB above full scale. Mixes and filters exceed full
scale by some decibels, by far less than this; at the scale of int16, where full scale is 32768,
the noise of a quiet room does not stay below it."""

_LEAST = 2.0


def fault_of(audio: np.ndarray) -> str | None:
    """Says what is wrong with floating-point samples, None if they can be audio.

    Whole numbers beyond full scale are int16 samples too, however quiet they are.
    """
    if not audio.size:
        return None
    peak = max(float(audio.max()), -float(audio.min()))
    if not np.isfinite(peak):
        return "holds NaN or infinity; clean it first"
    if peak > MOST or (peak >= _LEAST and (audio == np.rint(audio)).all()):
        return (
            f"has a peak of {peak:.6g} where full scale is 1, as int16 samples have in "
            "floating-point form; divide it by 32768"
        )
    return None
