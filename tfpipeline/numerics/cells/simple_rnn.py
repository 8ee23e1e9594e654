"""The simple recurrent network.

    h = tanh(p_x[h] + p_h[h])

Source: Elman 1990, "Finding structure in time".
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
    """Return the new h."""
    return (f.settle(f.tanh(p_x[0] + p_h[0])),)


SIMPLE_RNN = Cell(
    name="simple_rnn",
    magic=b"TFPS",
    gates=(Gate("h", "tanh"),),
    states=("state",),
    bias_rows=1,
    step=step,
)
