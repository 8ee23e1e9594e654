"""Whether values are what a tensor can hold: nothing is wrapped, cut or passed on as NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfpipeline.runtime.errors import InputError


def to_tensor(entry: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    """Return `values` in the type of an input, quantized where the input is.

    Args:
        entry: What the model card says of the input.
        values: Real numbers for a real input, whole numbers for one of indices.

    Raises:
        InputError: they are no numbers, not finite, or do not fit the type.
    """
    if values.dtype == np.float32 and entry["dtype"] == "float32":
        # Nearly always; a frame a call should wait for nothing else.
        check_finite(entry["name"], values)
        return values
    dtype = np.dtype(entry["dtype"])
    if values.dtype.kind not in "biuf" and values.dtype.name != "bfloat16":
        raise InputError(
            f"{entry['name']} must hold numbers, received values of type {values.dtype}"
        )
    if entry["scale"] is None and dtype.kind != "f":
        return _whole(entry["name"], values, dtype)
    with np.errstate(over="ignore"):
        real = values.astype(np.float32, copy=False)
    check_finite(entry["name"], real)
    if dtype.kind == "f":
        return real.astype(dtype, copy=False)
    levels = np.rint(real / np.float32(entry["scale"])) + entry["zero_point"]
    limits = np.iinfo(dtype)
    return np.clip(levels, limits.min, limits.max).astype(dtype)


def check_finite(name: str, values: np.ndarray) -> None:
    """Refuse NaN and infinity.

    Raises:
        InputError: there is one.
    """
    # A product says it in a third of the time that isfinite takes of one frame; what overflows in
    # it may still be finite, so that isfinite decides. NumPy warns of neither NaN nor infinity.
    flat = values.reshape(-1)
    if math.isfinite(flat.dot(flat)) or np.isfinite(flat).all():
        return
    what = "NaN" if np.isnan(flat).any() else "infinity, or numbers beyond float32"
    raise InputError(f"{name} contains {what}: look at what makes these values, or leave them out")


def _whole(name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if np.can_cast(values.dtype, dtype):
        return values.astype(dtype, copy=False)
    with np.errstate(invalid="ignore"):
        converted = values.astype(dtype)
    # Unsigned numbers that wrapped around compare unequal too: NumPy compares by value.
    if (converted != values).any():
        raise InputError(
            f"{name} must hold whole numbers that fit {dtype}, received values from "
            f"{values.min()} to {values.max()}: pass them as the Keras model takes them"
        )
    return converted
