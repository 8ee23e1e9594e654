"""The functions of gates: their names in Keras, and how far each of them listens."""

from __future__ import annotations

import math

from tfpipeline.numerics.activations import FUNCTIONS, PiecewiseLinear

_PACKAGE = "tfpipeline>"
_SAME = {"quant_tanh": "hard_tanh"}
"""Ours that Keras has too."""


def gate_function(name: str) -> str:
    """Return the key of `FUNCTIONS`, or the name itself where there is none."""
    plain = name.removeprefix(_PACKAGE)
    return _SAME.get(plain, plain)


def known_functions() -> list[str]:
    """Return the names that a layer may have, for messages."""
    return [*FUNCTIONS, *_SAME]


def is_bounded(function: str) -> bool:
    """Return whether all values of a function lie within [-1, 1]."""
    return function != "relu"


def saturation(function: str) -> float:
    """Return the magnitude beyond which a function does not change, infinite where there is none.

    Smooth functions never end: 8 for a sigmoid, where it is 0.9997, and the same for tanh(x), which
    is 2 sigmoid(2 x) - 1.
    """
    found = FUNCTIONS[function]
    if isinstance(found, PiecewiseLinear):
        if not is_bounded(function):
            return math.inf
        return max(abs(end - found.offset) for end in (found.low, found.high)) / found.slope
    return {"sigmoid": 8.0, "tanh": 4.0}[function]
