"""Change of sample rate by a windowed sinc."""

from __future__ import annotations

import functools
import math

import numpy as np

# Zero crossings of the sinc on each side; with the Kaiser window below the stop band is under
# -70 dB and the pass band reaches 93 % of the lower Nyquist frequency.
_HALF_CROSSINGS = 24
_KAISER_BETA = 7.0
_ROLLOFF = 0.95
# Outputs computed at once.
_BLOCK = 8192
# More phases than this (odd pairs of rates) are computed where they are used, not tabulated.
_SHARED_PHASES = 1024
_DIRECT_BLOCK = 2048


def resample(audio: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Resample `(samples,)` from `source_rate` to `target_rate` samples per second.

    Band-limited interpolation (Smith and Gossett, "A flexible sampling-rate conversion method",
    ICASSP 1984): `y[n] = sum_k x[k] h(n * source / target - k)`, where `h` is a Kaiser-windowed
    sinc that cuts off just below the lower of the two Nyquist frequencies. It has no delay and
    the result is a function of the input alone, not of a BLAS.

    Args:
        audio: `(samples,)`, floating point.
        source_rate: samples per second of `audio`.
        target_rate: samples per second wanted.

    Returns:
        float32 `(ceil(samples * target_rate / source_rate),)`.

    Raises:
        ValueError: a rate below 1, or audio that is not one-dimensional.

    Example:
        >>> import numpy as np
        >>> resample(np.zeros(44100, np.float32), 44100, 16000).shape
        (16000,)
    """
    if source_rate < 1 or target_rate < 1:
        raise ValueError(
            f"resample: rates must be at least 1, got {source_rate} and {target_rate}."
        )
    if audio.ndim != 1:
        raise ValueError(f"resample: audio must have the shape (samples,), got {audio.shape}.")
    if source_rate == target_rate or not len(audio):
        return audio.astype(np.float32, copy=False)
    divisor = math.gcd(source_rate, target_rate)
    up, down = target_rate // divisor, source_rate // divisor
    length = -(-len(audio) * up // down)
    cutoff, half = _filter(up, down)
    padded = np.concatenate([np.zeros(half), audio, np.zeros(half + 1)], dtype=np.float64)
    apply = _by_periods if up <= _SHARED_PHASES else _by_outputs
    return apply(padded, up, down, half, cutoff, length)[:length].astype(np.float32)


def reach(source_rate: int, target_rate: int) -> int:
    """Return how many input samples on each side of it an output of `resample` depends on."""
    divisor = math.gcd(source_rate, target_rate)
    return _filter(target_rate // divisor, source_rate // divisor)[1] + 1


def _filter(up: int, down: int) -> tuple[float, int]:
    """Return the filter's cutoff, relative to the input's rate, and the half of its length."""
    cutoff = _ROLLOFF * min(1.0, up / down)
    return cutoff, math.ceil(_HALF_CROSSINGS / cutoff)


def _by_periods(
    padded: np.ndarray, up: int, down: int, half: int, cutoff: float, length: int
) -> np.ndarray:
    """Compute whole periods of `up` outputs, which consume `down` inputs each."""
    weights = _phase_weights(up, down, half, cutoff)
    periods = -(-length // up)
    missing = periods * down + 2 * half + 1 - len(padded)
    padded = np.concatenate([padded, np.zeros(max(0, missing))])
    offsets = np.arange(up) * down // up
    out = np.zeros((periods, up))
    step = max(1, _BLOCK // up)
    for start in range(0, periods, step):
        block = out[start : start + step]
        first = np.arange(start, start + len(block))[:, None] * down + offsets
        for tap, row in enumerate(weights):
            block += np.take(padded, first + tap) * row
    return out.reshape(-1)


def _by_outputs(
    padded: np.ndarray, up: int, down: int, half: int, cutoff: float, length: int
) -> np.ndarray:
    """Compute every output with weights of its own."""
    out = np.empty(length)
    taps = np.arange(2 * half + 1)
    for start in range(0, length, _DIRECT_BLOCK):
        n = np.arange(start, min(start + _DIRECT_BLOCK, length), dtype=np.int64)
        first, rest = n * down // up, n * down % up
        kernel = _kernel(rest[:, None] / up + half - taps, half, cutoff)
        out[start : start + len(n)] = np.sum(padded[first[:, None] + taps] * kernel, axis=1)
    return out


@functools.lru_cache(maxsize=256)
def _phase_weights(up: int, down: int, half: int, cutoff: float) -> np.ndarray:
    """Filter weights `(taps, up)` of the `up` phases."""
    fraction = (np.arange(up) * down % up) / up
    return _kernel(fraction + half - np.arange(2 * half + 1)[:, None], half, cutoff)


def _kernel(time: np.ndarray, half: int, cutoff: float) -> np.ndarray:
    """Return the windowed sinc at `time`, in input samples."""
    inside = np.maximum(0.0, 1.0 - (time / (half + 1)) ** 2)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    return cutoff * np.sinc(cutoff * time) * window * (inside > 0.0)
