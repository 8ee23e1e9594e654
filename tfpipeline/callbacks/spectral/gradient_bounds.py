"""Bounds of what one step of a recurrent cell does to the gradient.

Hou et al. (2019) derive the LSTM's: with n the gradient of the loss,

    |n(h before)| <= lambda_1 |n(h)| + lambda_2 |n(c of the next step)|
    lambda_1 = |U_i| / 4 + gamma_1 |U_f| / 4 + |U_c| + |U_o| / 4,   lambda_2 without |U_o|

with spectral norms, and gamma_1 the largest |c|. The others follow the same way, by the triangle
inequality over the paths from h to the next h, from |h| <= 1 where the cell ensures it, and from
the largest slopes of the activations, a (1 of tanh) and s (1/4 of a sigmoid):

    GRU        |z| + 2 s |U_z| + a |U_h| + a s |U_h h + c| |U_r|
    UGRNN      |z| + 2 s |U_z| + a |U_h|
    FastRNN    beta + alpha a |U|
    FastGRNN   |z| + (s (|h| + zeta) + (zeta + nu) a) |U|
    simple     a |U|

where what is no matrix is the largest absolute value on the sequences at hand. A lambda above 1 is
neither necessary nor sufficient for gradients to explode: the measured Jacobians say what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfpipeline.callbacks.spectral.normalized_map import gate_parts
from tfpipeline.callbacks.spectral.recurrent_trace import RecurrentTrace

Bounds = dict[str, float]


def gradient_bounds(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    """Return `lambda_1`, and of an LSTM `lambda_2`.

    Args:
        trace: of the layer, for what is no matrix.
        norms: spectral norm for each gate of what multiplies the state.
    """
    return _BOUNDS[trace.cell.name](trace, norms)


def gamma_1(trace: RecurrentTrace) -> float | None:
    """Return the largest |c| of an LSTM; None of another cell."""
    return _largest(trace.states[1]) if trace.cell.name == "lstm" else None


def _lstm(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    i, f, candidate, o = norms
    a, s = trace.slope, trace.recurrent_slope
    inner = a * (s * i + s * _largest(trace.states[1]) * f + a * candidate)
    return {"lambda_1": inner + s * o, "lambda_2": inner}


def _gru(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    z, r, candidate = norms
    a, s = trace.slope, trace.recurrent_slope
    reach = _largest(gate_parts(trace.p_h, 3)[2])
    return {
        "lambda_1": _largest(trace.gate(0)) + 2 * s * z + a * candidate + a * s * reach * r,
    }


def _ugrnn(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    z, candidate = norms
    kept = _largest(trace.gate(0))
    return {"lambda_1": kept + 2 * trace.recurrent_slope * z + trace.slope * candidate}


def _fast_rnn(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    given = trace.functions.parameters
    alpha = given["alpha"]
    beta = given["zeta"] * (1 - alpha) + given["nu"]
    total = _largest(beta) + _largest(alpha) * trace.slope * norms[0]
    return {"lambda_1": given["state_gain"] * total}


def _fast_grnn(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    given = trace.functions.parameters
    gate = trace.recurrent_slope * (_largest(trace.states[0]) + given["zeta"])
    candidate = (given["zeta"] + given["nu"]) * trace.slope
    total = _largest(trace.gate(0)) + (gate + candidate) * norms[0]
    return {"lambda_1": given["state_gain"] * total}


def _simple_rnn(trace: RecurrentTrace, norms: Sequence[float]) -> Bounds:
    return {"lambda_1": trace.slope * norms[0]}


_BOUNDS: dict[str, Callable[[RecurrentTrace, Sequence[float]], Bounds]] = {
    "lstm": _lstm,
    "gru": _gru,
    "ugrnn": _ugrnn,
    "fast_rnn": _fast_rnn,
    "fast_grnn": _fast_grnn,
    "simple_rnn": _simple_rnn,
}


def _largest(values: Any) -> float:
    return float(np.abs(values).max())
