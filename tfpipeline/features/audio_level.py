"""The level of floating-point audio: where full scale is 1, and not that of 16-bit integers."""

from __future__ import annotations

import numpy as np

MOST = 10.0
"""Largest sample of floating-point audio, 20 dB above full scale. Mixes and filters exceed full
scale by some decibels, by far less than this; at the scale of int16, where full scale is 32768,
the noise of a quiet room does not stay below it."""

_LEAST = 2.0


def fault_of(audio: np.ndarray) -> str | None:
    """Say what is wrong with floating-point samples, None if they can be audio.

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


def as_samples(audio: np.ndarray, front_end: str = "LogMel") -> np.ndarray:
    """Return int16 or floating-point audio as float32 in [-1, 1].

    Args:
        audio: the samples.
        front_end: who takes them, for messages.

    Raises:
        ValueError: another type, or a level that audio does not have.
    """
    array = np.asarray(audio)
    if array.dtype == np.int16:
        return array.astype(np.float32) / np.float32(32768.0)
    if array.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"{front_end}: audio must be int16, or float32 in [-1, 1], got {array.dtype}; "
            "convert it."
        )
    fault = fault_of(array)
    if fault is not None:
        raise ValueError(f"{front_end}: audio {fault}.")
    return array.astype(np.float32, copy=False)
