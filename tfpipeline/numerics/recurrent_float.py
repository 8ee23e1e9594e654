"""Any recurrent cell in floating point, with its inner values: what calibration runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from tfpipeline.numerics import activations
from tfpipeline.numerics.cells import Cell, Functions
from tfpipeline.numerics.cells.cell import FloatArray
from tfpipeline.numerics.layer_norm import normalized


@dataclass(frozen=True)
class Taps:
    """Inner values of a layer, each `(batch, time, features)`, in the order they were computed.

    `a_x` and `a_h` are the vectors between two factors (None for a plain kernel); `p_x` and `p_h`
    the pre-activations `(..., gates * units)` with the bias rows that belong to them; `raw_x` and
    `raw_h` the products before their normalization (None without one); `states` what the cell
    carries, h first.
    """

    a_x: FloatArray | None
    a_h: FloatArray | None
    p_x: FloatArray
    p_h: FloatArray
    states: tuple[FloatArray, ...]
    raw_x: FloatArray | None = None
    raw_h: FloatArray | None = None


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x))."""
    # Through tanh, which neither overflows nor loses the small end.
    y = 0.5 * x
    np.tanh(y, out=y)
    y += 1.0
    y *= 0.5
    return y


def _piecewise(function: activations.PiecewiseLinear, x: FloatArray) -> FloatArray:
    slope, offset = x.dtype.type(function.slope), x.dtype.type(function.offset)
    return np.clip(x * slope + offset, function.low, function.high)


FLOAT_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    name: partial(_piecewise, function)
    for name, function in activations.FUNCTIONS.items()
    if isinstance(function, activations.PiecewiseLinear)
} | {"sigmoid": sigmoid, "tanh": np.tanh}
"""The gate functions in the precision of what they are given, by name."""


def sequence_float(
    cell: Cell,
    x: ArrayLike,
    initial: Sequence[ArrayLike] | None,
    kernel: tuple[ArrayLike, ...],
    recurrent_kernel: tuple[ArrayLike, ...],
    bias: ArrayLike,
    *,
    parameters: Sequence[float] = (),
    go_backwards: bool = False,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    gains: ArrayLike | None = None,
    epsilon: float = 0.0,
    taps: bool = False,
    dtype: type[np.floating] = np.float64,
) -> tuple[FloatArray, tuple[FloatArray, ...], Taps | None]:
    """Run a cell in floating point, and on request return its inner values.

    Args:
        cell: The cell.
        x: `(batch, time, input_dim)`. A kernel of `window * input_dim` rows reads the last steps
            side by side, the oldest first, zeros before the first one.
        initial: The initial states, `(batch, units)` each, or None for zeros.
        kernel: As Keras keeps it: `(W,)` with W `(input_dim, gates * units)`, or `(left, right)`
            with `(input_dim, rank)` and `(rank, gates * units)`.
        recurrent_kernel: The same for the state, with `units` rows; `()` for a cell without one.
        bias: `(stored rows, gates * units)`: `Cell.stored_rows` says which.
        parameters: Values of the cell's parameters.
        go_backwards: Reads the time steps from the last to the first.
        activation: Of what the gates let through, a name of `FLOAT_FUNCTIONS`.
        recurrent_activation: Of the gates.
        gains: `(2, gates * units)`, of a layer normalization of each gate's products with the
            kernel and with the recurrent kernel, before biases; None for none.
        epsilon: Added to its variances.
        taps: Also return a `Taps`, for calibration.
        dtype: float32 or float64, the precision of the arithmetic.

    Returns:
        All h `(batch, time, units)`, the final states `(batch, units)`, and the taps or None.
    """
    inputs = np.asarray(x, dtype=dtype)
    if go_backwards:
        inputs = inputs[:, ::-1]
    left = [np.asarray(k, dtype=dtype) for k in kernel]
    right = [np.asarray(k, dtype=dtype) for k in recurrent_kernel]
    biases = np.asarray(bias, dtype=dtype)
    inputs = windows(inputs, len(left[0]) // inputs.shape[-1])
    batch, steps, _ = inputs.shape
    gates, count = len(cell.gates), len(cell.states)
    units = left[-1].shape[1] // gates
    given = [0.0] * count if initial is None else initial
    states = tuple(
        np.array(np.broadcast_to(np.asarray(s, dtype=dtype), (batch, units))) for s in given
    )
    functions = Functions(
        FLOAT_FUNCTIONS[recurrent_activation],
        FLOAT_FUNCTIONS[activation],
        _unchanged,
        _unchanged,
        {
            **dict(zip(cell.parameters, map(dtype, parameters), strict=True)),
            **cell.numbers_of_units(biases),
        },
    )

    a_x = inputs @ left[0] if len(left) == 2 else None
    raw_x = (inputs if a_x is None else a_x) @ left[-1]
    norms = None if gains is None else np.asarray(gains, dtype=dtype)
    p_x = raw_x if norms is None else normalized(raw_x, norms[0], gates, epsilon)
    p_x = p_x + biases[0]
    a_h = np.empty((batch, steps, right[0].shape[1]), dtype) if len(right) == 2 and taps else None
    p_h = np.zeros((batch, steps, gates * units), dtype) if taps else None
    raw_h = np.zeros_like(p_x) if taps and norms is not None else None
    kept = [np.empty((batch, steps, units), dtype) for _ in range(count if taps else 1)]
    columns = [slice(g * units, (g + 1) * units) for g in range(gates)]
    step, factored, own_bias = cell.step, len(right) == 2, cell.bias_rows == 2
    for t in range(steps):
        now = p_x[:, t]
        x_gates = [now[:, rows] for rows in columns]
        h_gates: list[FloatArray] = []
        if cell.recurrent:
            inner = states[0] @ right[0] if factored else states[0]
            recurrent = inner @ right[-1]
            if norms is not None:
                if raw_h is not None:
                    raw_h[:, t] = recurrent
                recurrent = normalized(recurrent, norms[1], gates, epsilon)
            if own_bias:
                recurrent = recurrent + biases[1]
            h_gates = [recurrent[:, rows] for rows in columns]
        states = step(x_gates, h_gates, states, functions)
        for sequence, state in zip(kept, states, strict=False):
            sequence[:, t] = state
        if a_h is not None:
            a_h[:, t] = inner
        if p_h is not None and cell.recurrent:
            p_h[:, t] = recurrent
    if p_h is None:
        return kept[0], states, None
    before = (None, None) if norms is None else (raw_x, raw_h)
    return kept[0], states, Taps(a_x, a_h, p_x, p_h, tuple(kept), *before)


def windows(inputs: FloatArray, window: int) -> FloatArray:
    """Return the last `window` time steps side by side, for each of them."""
    if window == 1:
        return inputs
    padded = np.pad(inputs, ((0, 0), (window - 1, 0), (0, 0)))
    steps = inputs.shape[1]
    return np.concatenate([padded[:, i : i + steps] for i in range(window)], axis=-1)


def _unchanged(state: FloatArray) -> FloatArray:
    return state
