"""The gated recurrent unit, in the variant of Keras with `reset_after=True`.

    z = sigmoid(p_x[z] + p_h[z])
    r = sigmoid(p_x[r] + p_h[r])
    n = tanh(p_x[h] + r * p_h[h])
    h = z * h + (1 - z) * n

Source: Cho et al. 2014 (arXiv:1406.1078), equations 5 to 8, with the reset gate applied after the
recurrent product.
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
    (h,) = states
    z = f.sigmoid(p_x[0] + p_h[0])
    r = f.sigmoid(p_x[1] + p_h[1])
    n = f.tanh(p_x[2] + r * p_h[2])
    return (f.settle(z * h + (1 - z) * n),)


GRU = Cell(
    name="gru",
    magic=b"TFPG",
    gates=(Gate("z", "sigmoid", holds=True), Gate("r", "sigmoid"), Gate("h", "tanh", summed=False)),
    states=("state",),
    bias_rows=2,
    step=step,
    requires={"reset_after": True},
)
