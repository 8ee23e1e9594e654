"""FastGRNN: a gate and a candidate that share their matrices.

    z = sigmoid(p),  n = tanh(p + shift),  p = p_x + p_h
    h = (zeta * (1 - z) + nu) * n + z * h,  and `drift_control`

`p_x` holds the bias of the gate; `shift` is the bias of the candidate less that of the gate, one
number for each unit.

Source: Kusupati et al. 2018 (arXiv:1901.02358), equation 2.
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
    p = p_x[0] + p_h[0]
    z = f.floor(f.sigmoid(p))
    n = f.floor(f.tanh(p + given["shift"]))
    let_in = f.floor(given["zeta"] * (1 - z) + given["nu"])
    return (controlled(let_in * n + z * h, f),)


FAST_GRNN = Cell(
    name="fast_grnn",
    magic=b"TFPZ",
    gates=(Gate("z", "sigmoid", holds=True, candidate=True),),
    states=("state",),
    bias_rows=1,
    step=step,
    bounded=False,
    parameters=("zeta", "nu", *PARAMETERS),
    unit_parameters=("shift",),
)
