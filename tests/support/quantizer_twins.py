"""Quantized matrices by name, from the specification in NumPy."""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics import low_bit
from tfpipeline.numerics.low_bit import Codes

_OF_WEIGHTS = {
    "BinaryConnect": low_bit.binary_connect,
    "BWN": low_bit.bwn,
    "TerConnect": low_bit.ter_connect,
    "TWN": low_bit.twn,
    "Alternating": low_bit.alternating,
}
_WEIGHTED = {"LAB": low_bit.lab, "LAT": low_bit.lat}
_LIKELIEST = {"SBN": low_bit.sbn, "STN": low_bit.stn}


def codes_of(name: str, w: np.ndarray, moment: np.ndarray, scale: float) -> Codes:
    """The codes of one gate's matrix `w`; `scale` is that of SBN and STN."""
    w = w.astype("float64")
    if name in _WEIGHTED:
        return _WEIGHTED[name](w, moment.astype("float64"))
    if name in _LIKELIEST:
        return _LIKELIEST[name](w, scale)
    return _OF_WEIGHTS[name](w)


def quantized(
    name: str | None, w: np.ndarray, gates: int, moment: np.ndarray | None = None
) -> np.ndarray:
    """A kernel of several gates, quantized; second moments are equal where there are none."""
    if name is None:
        return w.astype("float64")
    scale = low_bit.stochastic_scale(*w.shape)
    both = (np.split(m, gates, axis=1) for m in (w, np.ones_like(w) if moment is None else moment))
    parts = [codes_of(name, *part, scale).values() for part in zip(*both, strict=True)]
    return np.concatenate(parts, axis=1)
