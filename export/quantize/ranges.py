"""Which range of real numbers an int8 tensor should cover.

* `minmax`: everything that calibration saw. Nothing clips; one outlier makes all steps coarser.
* `percentile`: all but the outermost 0.01 % on each side.
* `mse`: the range with the least mean square error of rounding and clipping together, found among
  shrunken min-max ranges (Sung et al. 2015, arXiv:1511.06488, study the same trade).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Range = tuple[float, float]
_OUTSIDE = 1e-4
_LEVELS = 256
_SHRINKS = np.linspace(0.3, 1.0, 29)
_MOST_VALUES = 1 << 20
"""Enough for any percentile; more only takes time."""


def minmax(values: np.ndarray) -> Range:
    return float(values.min()), float(values.max())


def percentile(values: np.ndarray) -> Range:
    low, high = np.quantile(_sample(values), [_OUTSIDE, 1.0 - _OUTSIDE])
    return float(low), float(high)


def mse(values: np.ndarray) -> Range:
    few = _sample(values).astype(np.float64)
    low, high = min(float(few.min()), 0.0), max(float(few.max()), 0.0)
    errors = [_rounding_error(few, low * shrink, high * shrink) for shrink in _SHRINKS]
    best = float(_SHRINKS[int(np.argmin(errors))])
    return low * best, high * best


def _rounding_error(values: np.ndarray, low: float, high: float) -> float:
    step = max((high - low) / (_LEVELS - 1), 1e-12)
    rounded = np.clip(np.rint(values / step) * step, low, high)
    return float(((rounded - values) ** 2).mean())


def _sample(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // _MOST_VALUES)]


MINMAX = "minmax"
CLIPPINGS: Mapping[str, Callable[[np.ndarray], Range]] = {
    MINMAX: minmax,
    "percentile": percentile,
    "mse": mse,
}
