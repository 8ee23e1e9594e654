"""Every cell once more in NumPy, from its equations as papers and Keras have them.

Each function is named after its cell; it takes the pre-activations, an array or number for each
gate, the old states, and the cell's own numbers by name, and returns the new states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfpipeline.numerics.cells import Cell

Values = Sequence[Any]
Twin = Callable[..., list[Any]]

#: Values of the cells' parameters for tests.
EXAMPLES = {"zeta": 0.73, "nu": 0.02, "state_gain": 0.96, "state_offset": 0.01, "state_limit": 1.0}


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


def bounded(h: Any, gain: float, offset: float, limit: float) -> Any:
    return np.clip(gain * h + offset, -limit, limit)


def fast_rnn(
    p_x: Values,
    p_h: Values,
    states: Values,
    *,
    alpha: Any,
    zeta: float,
    nu: float,
    state_gain: float,
    state_offset: float,
    state_limit: float,
) -> list[Any]:
    h = alpha * np.tanh(p_x[0] + p_h[0]) + (zeta * (1 - alpha) + nu) * states[0]
    return [bounded(h, state_gain, state_offset, state_limit)]


def fast_grnn(
    p_x: Values,
    p_h: Values,
    states: Values,
    *,
    shift: Any,
    zeta: float,
    nu: float,
    state_gain: float,
    state_offset: float,
    state_limit: float,
) -> list[Any]:
    z = logistic(p_x[0] + p_h[0])
    h = (zeta * (1 - z) + nu) * np.tanh(p_x[0] + p_h[0] + shift) + z * states[0]
    return [bounded(h, state_gain, state_offset, state_limit)]


def ugrnn(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    z = logistic(p_x[0] + p_h[0])
    return [z * states[0] + (1 - z) * np.tanh(p_x[1] + p_h[1])]


def qrnn(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    f = logistic(p_x[1])
    return [f * states[0] + (1 - f) * np.tanh(p_x[0])]


def qrnn_fo(p_x: Values, p_h: Values, states: Values) -> list[Any]:
    f = logistic(p_x[1])
    c = f * states[1] + (1 - f) * np.tanh(p_x[0])
    return [logistic(p_x[2]) * c, c]


def numbers_of(kind: Cell, bias: Any, unit: int) -> dict[str, float]:
    """The numbers of one unit in a test, of `EXAMPLES` and the rows of the bias."""
    scalars = {name: EXAMPLES[name] for name in kind.parameters}
    return scalars | {n: float(v[unit]) for n, v in kind.numbers_of_units(bias).items()}


def twin_of(cell: str) -> Twin:
    """The function of a cell."""
    twin: Twin = globals()[cell]
    return twin
