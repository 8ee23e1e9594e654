"""The quasi-recurrent network: gates of a window of inputs, and a pooling over time.

    z, f, o = tanh(p[z]), sigmoid(p[f]), sigmoid(p[o]),  p = p_x

    f pooling:   h = f * h + (1 - f) * z
    fo pooling:  c = f * c + (1 - f) * z,  h = o * c

`p_x` is a masked convolution: W times the inputs of the last `window` time steps, side by side, the
oldest first. There is no product with the state.

Source: Bradbury et al. 2017 (arXiv:1611.01576), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.numerics.cells.cell import Cell, FloatArray, Functions, Gate


def _pooled(p_x: Sequence[FloatArray], pooled: FloatArray, f: Functions) -> FloatArray:
    z, keep = f.tanh(p_x[0]), f.sigmoid(p_x[1])
    return f.settle(keep * pooled + (1 - keep) * z)


def step(
    p_x: Sequence[FloatArray],
    p_h: Sequence[FloatArray],
    states: Sequence[FloatArray],
    f: Functions,
) -> tuple[FloatArray, ...]:
    """Return the new h of f pooling."""
    return (_pooled(p_x, states[0], f),)


def step_fo(
    p_x: Sequence[FloatArray],
    p_h: Sequence[FloatArray],
    states: Sequence[FloatArray],
    f: Functions,
) -> tuple[FloatArray, ...]:
    """Return the new h and c of fo pooling."""
    c = _pooled(p_x, states[1], f)
    return f.settle(f.sigmoid(p_x[2]) * c), c


QRNN = Cell(
    name="qrnn",
    magic=b"TFPQ",
    gates=(Gate("z", "tanh"), Gate("f", "sigmoid", holds=True)),
    states=("state",),
    bias_rows=1,
    step=step,
    recurrent=False,
)
QRNN_FO = Cell(
    name="qrnn_fo",
    magic=b"TFPO",
    gates=(Gate("z", "tanh"), Gate("f", "sigmoid", holds=True), Gate("o", "sigmoid")),
    states=("state", "cell"),
    bias_rows=1,
    step=step_fo,
    recurrent=False,
)
