"""Every cell once more in plain Python, one unit and one number at a time, from its equations.

Each function is named after its cell; it takes the pre-activations of one unit, a number for each
gate, and its old states, and returns the new ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Numbers = Sequence[float]
Twin = Callable[[Numbers, Numbers, Numbers], list[float]]


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def gru(p_x: Numbers, p_h: Numbers, states: Numbers) -> list[float]:
    z = logistic(p_x[0] + p_h[0])
    r = logistic(p_x[1] + p_h[1])
    n = math.tanh(p_x[2] + r * p_h[2])
    return [z * states[0] + (1 - z) * n]


def lstm(p_x: Numbers, p_h: Numbers, states: Numbers) -> list[float]:
    i, f, g, o = (x + h for x, h in zip(p_x, p_h, strict=True))
    c = logistic(f) * states[1] + logistic(i) * math.tanh(g)
    return [logistic(o) * math.tanh(c), c]


def simple_rnn(p_x: Numbers, p_h: Numbers, states: Numbers) -> list[float]:
    return [math.tanh(p_x[0] + p_h[0])]


def twin_of(cell: str) -> Twin:
    """The function of a cell."""
    twin: Twin = globals()[cell]
    return twin
