"""The update gate network: a GRU without a reset gate.

    z = sigmoid(p_x[z] + p_h[z])
    n = tanh(p_x[h] + p_h[h])
    h = z * h + (1 - z) * n

Source: Collins et al. 2017 (arXiv:1611.09913), section 2; the comparator of Kusupati et al. 2018.
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
    n = f.tanh(p_x[1] + p_h[1])
    return (f.settle(z * h + (1 - z) * n),)


UGRNN = Cell(
    name="ugrnn",
    magic=b"TFPU",
    gates=(Gate("z", "sigmoid", holds=True), Gate("h", "tanh")),
    states=("state",),
    bias_rows=1,
    step=step,
)
