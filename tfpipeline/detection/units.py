"""Probabilities as integers: 16 bits, in units of 1/65536."""

from __future__ import annotations

from typing import Any

import numpy as np

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent", "logits"
SCORES = (PROBABILITIES, INDEPENDENT, LOGITS)

ONE = 65536
MOST = ONE - 1
_BYTE = 256


def cutoff_units(cutoff: Any) -> np.ndarray:
    """Return cutoffs, probabilities in (0, 1], as integers from 1 to 65535."""
    return np.clip(np.rint(np.asarray(cutoff, np.float64) * ONE), 1, MOST).astype(np.int64)


def score_units(values: np.ndarray, kind: str) -> np.ndarray:
    """Return the probability of each label in each frame, uint16 in units of 1/65536.

    Args:
        values: `(frames, labels)`; floating point, or uint8 and int8 as a quantized softmax or
            sigmoid puts them out: in units of 1/256, from 0 or from -128.
        kind: "probabilities" that sum to 1, "independent" ones, or "logits": of a softmax, or of a
            sigmoid where there is a single label. Integers are probabilities.

    Raises:
        ValueError: NaN or infinity, floating-point probabilities outside of [0, 1], or another
            type.
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(_BYTE)
    if values.dtype == np.int8:
        return (values.astype(np.int16) + 128).astype(np.uint16) * np.uint16(_BYTE)
    if values.dtype.kind != "f":
        raise ValueError(
            f"`scores` must be floating point, uint8 or int8; received {values.dtype}: divide "
            "integers by what they are multiples of."
        )
    if not np.isfinite(values).all():
        raise ValueError("`scores` must be finite; received NaN or infinity: verify the model.")
    values = values.astype(np.float32, copy=False)
    if kind == LOGITS:
        values = _sigmoid(values) if values.shape[1] == 1 else _softmax(values)
    elif values.size and (values.min() < 0 or values.max() > 1):
        raise ValueError(
            f"`scores` must be probabilities in [0, 1]; received {values.min():g} to "
            f'{values.max():g}: pass scores="logits" to the detector if they are logits.'
        )
    return np.minimum(np.rint(values * np.float32(ONE)), MOST).astype(np.uint16)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return softmax


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # Of the absolute value, so that nothing overflows.
    small = np.exp(-np.abs(logits))
    sigmoid: np.ndarray = np.where(logits >= 0, 1, small) / (1 + small)
    return sigmoid
