"""FastRNN: a simple recurrent network with a weighted residual connection.

    n = tanh(p),  p = p_x + p_h
    beta = zeta * (1 - alpha) + nu
    h = alpha * n + beta * h,  and `drift_control`

`alpha` is one number for each unit. The scalars alpha and beta of the cell's first form are the
case zeta = 0, nu = beta; beta = 1 - alpha is zeta = 1, nu = 0.

Source: Kusupati et al. 2018 (arXiv:1901.02358), equation 1, and appendix G for a vector alpha.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.numerics.cells.cell import Cell, FloatArray, Functions, Gate
from tfpipeline.numerics.cells.drift_control import PARAMETERS, controlled


def step(
    p_x: Sequence[FloatArray],
    p_h: Sequence[FloatArray],
    states: Sequence[FloatArray],
    f: Functions,
) -> tuple[FloatArray, ...]:
    """Return the new h."""
    (h,), given = states, f.parameters
    alpha = given["alpha"]
    n = f.floor(f.tanh(p_x[0] + p_h[0]))
    beta = f.floor(given["zeta"] * (1 - alpha) + given["nu"])
    return (controlled(alpha * n + beta * h, f),)


FAST_RNN = Cell(
    name="fast_rnn",
    magic=b"TFPA",
    gates=(Gate("h", "tanh"),),
    states=("state",),
    bias_rows=1,
    step=step,
    bounded=False,
    parameters=("zeta", "nu", *PARAMETERS),
    unit_parameters=("alpha",),
)
