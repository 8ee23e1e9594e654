"""Every cell once more in NumPy, from its equations as papers and Keras have them.

Each function is named after its cell; it takes the pre-activations, an array or number for each
gate, and the old states, and returns the new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Values = Sequence[Any]
Twin = Callable[[Values, Values, Values], list[Any]]


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def gru(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    z = logistic(p_x[0] + p_h[0])
    r = logistic(p_x[1] + p_h[1])
    n = np.tanh(p_x[2] + r * p_h[2])
    return [z * states[0] + (1 - z) * n]


def lstm(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    i, f, g, o = (x + h for x, h in zip(p_x, p_h, strict=True))
    c = logistic(f) * states[1] + logistic(i) * np.tanh(g)
    return [logistic(o) * np.tanh(c), c]


def simple_rnn(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    return [np.tanh(p_x[0] + p_h[0])]


def twin_of(cell: str) -> Twin:
    """The function of a cell."""
    twin: Twin = globals()[cell]
    return twin
