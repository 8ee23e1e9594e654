"""The long short-term memory, without peepholes.

    i, f, o = sigmoid(p[i]), sigmoid(p[f]), sigmoid(p[o]),  p = p_x + p_h
    c = f * c + i * tanh(p[c])
    h = o * tanh(c)

Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.numerics.cells.cell import Cell, FloatArray, Functions, Gate


def step(
    p_x: Sequence[FloatArray],
    p_h: Sequence[FloatArray],
    states: Sequence[FloatArray],
    f: Functions,
) -> tuple[FloatArray, ...]:
    """Return the new h and c."""
    _, c = states
    p_i, p_f, p_c, p_o = (x + h for x, h in zip(p_x, p_h, strict=True))
    c = f.settle(f.sigmoid(p_f) * c + f.sigmoid(p_i) * f.tanh(p_c))
    return f.settle(f.sigmoid(p_o) * f.tanh(c)), c


LSTM = Cell(
    name="lstm",
    magic=b"TFPL",
    gates=(
        Gate("i", "sigmoid"),
        Gate("f", "sigmoid", holds=True),
        Gate("c", "tanh"),
        Gate("o", "sigmoid"),
    ),
    states=("state", "cell"),
    bias_rows=1,
    step=step,
)
