"""The LSTM of `tfpipeline.lstm` in numpy: the executable spec, and a float reference with taps.

Gates are ordered i, f, c, o as in Keras:

    i, f, o = sigmoid(p[i]), sigmoid(p[f]), sigmoid(p[o]),  p = W x + U h + b
    c = f * c + i * tanh(p[c])
    h = o * tanh(c)

Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000 and no peepholes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.lstm_options import LstmOptions
from tfpipeline.numerics.recurrent import (
    STATE_LIMIT,
    Accumulators,
    Float32Array,
    Int8Array,
    QuantizedMatrix,
    check_bias,
    float_sigmoid,
    floor_state,
    sequence_int8,
)


@dataclass(frozen=True)
class LstmTaps:
    """Inner values of an LSTM, each `(batch, time, features)`, in the order they were computed.

    `a_x` and `a_h` are the vectors between two factors (None for a plain kernel); `p_x` and `p_h`
    the parts of the pre-activations `(..., 4 * units)`, the bias in `p_x`; `h` and `c` the states.
    """

    a_x: NDArray[np.floating] | None
    a_h: NDArray[np.floating] | None
    p_x: NDArray[np.floating]
    p_h: NDArray[np.floating]
    h: NDArray[np.floating]
    c: NDArray[np.floating]


def gate_step(acc: Accumulators, states: tuple[Float32Array, ...]) -> tuple[Float32Array, ...]:
    """Returns the next h and c from the accumulators of both products, gates i, f, c, o.

    One step of the op, in its fixed order of float32 operations.
    """
    _, c = states
    p_x = acc.x.astype(np.float32) * acc.multiplier_x + acc.bias[0]
    p = p_x + acc.h.astype(np.float32) * acc.multiplier_h
    p_i, p_f, p_c, p_o = np.split(p, 4, axis=-1)
    new = acc.recurrent_activation(p_f) * c + acc.recurrent_activation(p_i) * acc.activation(p_c)
    new = floor_state(np.clip(new, -STATE_LIMIT, STATE_LIMIT))
    return floor_state(acc.recurrent_activation(p_o) * acc.activation(new)), new


def lstm_sequence_int8(
    x: Int8Array,
    h0: ArrayLike,
    c0: ArrayLike,
    kernel: tuple[QuantizedMatrix, ...],
    recurrent_kernel: tuple[QuantizedMatrix, ...],
    bias: ArrayLike,
    *,
    x_scale: float,
    x_zero_point: int,
    options: LstmOptions,
    lengths: ArrayLike | None = None,
    gains: ArrayLike | None = None,
) -> tuple[Int8Array, Float32Array, Float32Array]:
    """Runs the int8 LSTM exactly as every kernel of `tfpipeline.lstm` does, bit for bit.

    Args:
        x: int8 `(batch, time, input_dim)`, affine with `x_scale` and `x_zero_point`.
        h0: float32 `(batch, units)`.
        c0: float32 `(batch, units)`.
        kernel: `(W,)` with W `(4 * units, input_dim)`, or `(first, second)` with
            `(rank_x, input_dim)` and `(4 * units, rank_x)`: rows are outputs.
        recurrent_kernel: the same with `units` in place of `input_dim`, and `rank_h`.
        bias: float32 `(1, 4 * units)`.
        x_scale: scale of `x`.
        x_zero_point: zero point of `x`.
        options: sizes, inner scales, flags and functions.
        lengths: int32 `(batch,)`, the steps of each sequence that count; None: all.
        gains: float32 `(2, 4 * units)` of W x and U h, where the options say `layer_norm`.

    Returns:
        `y` int8 `(batch, time, units)` or `(batch, units)`, and the last h and c, float32
        `(batch, units)`.

    Raises:
        ValueError: a shape does not fit `options`.
    """
    biases = check_bias(bias, (1, 4 * options.units))
    y, (h, c) = sequence_int8(
        gate_step,
        4,
        x,
        (h0, c0),
        kernel,
        recurrent_kernel,
        biases,
        x_scale=x_scale,
        x_zero_point=x_zero_point,
        options=options,
        lengths=lengths,
        gains=gains,
    )
    return y, h, c


def lstm_sequence_float(
    x: ArrayLike,
    h0: ArrayLike,
    c0: ArrayLike,
    kernels: tuple[ArrayLike, ...],
    recurrent_kernels: tuple[ArrayLike, ...],
    bias: ArrayLike,
    *,
    go_backwards: bool = False,
    taps: bool = False,
    dtype: type[np.floating] = np.float64,
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating], LstmTaps | None]:
    """Runs the LSTM in floating point, and on request returns its inner values.

    Args:
        x: `(batch, time, input_dim)`.
        h0: `(batch, units)`, or 0.0.
        c0: `(batch, units)`, or 0.0.
        kernels: as Keras keeps them: `(W,)` with W `(input_dim, 4 * units)`, or `(left, right)`
            with `(input_dim, rank)` and `(rank, 4 * units)`.
        recurrent_kernels: the same for the state.
        bias: `(1, 4 * units)`.
        go_backwards: reads the time steps from the last to the first.
        taps: also returns an `LstmTaps`, for calibration.
        dtype: float32 or float64, the precision of the arithmetic.

    Returns:
        All h `(batch, time, units)`, the last h and c `(batch, units)`, and the taps or None.
    """
    inputs = np.asarray(x, dtype=dtype)
    if go_backwards:
        inputs = inputs[:, ::-1]
    left = [np.asarray(k, dtype=dtype) for k in kernels]
    right = [np.asarray(k, dtype=dtype) for k in recurrent_kernels]
    batch, steps, _ = inputs.shape
    units = right[-1].shape[1] // 4
    h, c = (np.array(np.broadcast_to(np.asarray(s, dtype=dtype), (batch, units))) for s in (h0, c0))

    a_x = inputs @ left[0] if len(left) == 2 else None
    p_x = (inputs if a_x is None else a_x) @ left[-1] + np.asarray(bias, dtype=dtype)[0]
    a_h, p_h, hs, cs = [], [], [], []
    for t in range(steps):
        inner = h @ right[0] if len(right) == 2 else h
        recurrent = inner @ right[-1]
        p_i, p_f, p_c, p_o = np.split(p_x[:, t] + recurrent, 4, axis=-1)
        c = float_sigmoid(p_f) * c + float_sigmoid(p_i) * np.tanh(p_c)
        h = float_sigmoid(p_o) * np.tanh(c)
        hs.append(h)
        if taps:
            a_h.append(inner)
            p_h.append(recurrent)
            cs.append(c)
    states = np.stack(hs, axis=1)
    if not taps:
        return states, h, c, None
    inner_h = np.stack(a_h, axis=1) if len(right) == 2 else None
    found = LstmTaps(a_x, inner_h, p_x, np.stack(p_h, axis=1), states, np.stack(cs, axis=1))
    return states, h, c, found
