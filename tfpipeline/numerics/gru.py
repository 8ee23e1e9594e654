"""The GRU of `tfpipeline.gru` in numpy: the executable spec, and a float reference with taps.

Gates are ordered z, r, h as in Keras, with `reset_after=True`:

    z = sigmoid(p_x[z] + p_h[z])
    r = sigmoid(p_x[r] + p_h[r])
    n = tanh(p_x[h] + r * p_h[h])
    h = z * h + (1 - z) * n

Source: Cho et al. 2014 (arXiv:1406.1078), equations 5 to 8, in the variant of Keras that applies
the reset gate after the recurrent product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.recurrent import (
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
class GruTaps:
    """Inner values of a GRU, each `(batch, time, features)`, in the order they were computed.

    `a_x` and `a_h` are the vectors between two factors (None for a plain kernel); `p_x` and `p_h`
    the pre-activations `(..., 3 * units)` with their biases; `h` the states.
    """

    a_x: NDArray[np.floating] | None
    a_h: NDArray[np.floating] | None
    p_x: NDArray[np.floating]
    p_h: NDArray[np.floating]
    h: NDArray[np.floating]


def gate_step(acc: Accumulators, states: tuple[Float32Array, ...]) -> tuple[Float32Array, ...]:
    """Returns the next state from the accumulators of both products, gates z, r, h.

    One step of the op, in its fixed order of float32 operations.
    """
    (h,) = states
    p_x = acc.x.astype(np.float32) * acc.multiplier_x + acc.bias[0]
    p_h = acc.h.astype(np.float32) * acc.multiplier_h + acc.bias[1]
    x_z, x_r, x_n = np.split(p_x, 3, axis=-1)
    h_z, h_r, h_n = np.split(p_h, 3, axis=-1)
    z = acc.recurrent_activation(x_z + h_z)
    r = acc.recurrent_activation(x_r + h_r)
    n = acc.activation(x_n + r * h_n)
    return (floor_state(z * h + (np.float32(1.0) - z) * n),)


def gru_sequence_int8(
    x: Int8Array,
    h0: ArrayLike,
    kernel: tuple[QuantizedMatrix, ...],
    recurrent_kernel: tuple[QuantizedMatrix, ...],
    bias: ArrayLike,
    *,
    x_scale: float,
    x_zero_point: int,
    options: GruOptions,
    lengths: ArrayLike | None = None,
    gains: ArrayLike | None = None,
) -> tuple[Int8Array, Float32Array]:
    """Runs the int8 GRU exactly as every kernel of `tfpipeline.gru` does, bit for bit.

    Args:
        x: int8 `(batch, time, input_dim)`, affine with `x_scale` and `x_zero_point`.
        h0: float32 `(batch, units)`.
        kernel: `(W,)` with W `(3 * units, input_dim)`, or `(first, second)` with
            `(rank_x, input_dim)` and `(3 * units, rank_x)`: rows are outputs.
        recurrent_kernel: the same with `units` in place of `input_dim`, and `rank_h`.
        bias: float32 `(2, 3 * units)`: input bias, recurrent bias.
        x_scale: scale of `x`.
        x_zero_point: zero point of `x`.
        options: sizes, inner scales, flags and functions.
        lengths: int32 `(batch,)`, the steps of each sequence that count; None: all.
        gains: float32 `(2, 3 * units)` of W x and U h, where the options say `layer_norm`.

    Returns:
        `y` int8 `(batch, time, units)` or `(batch, units)`, and the last state float32
        `(batch, units)`.

    Raises:
        ValueError: a shape does not fit `options`.
    """
    biases = check_bias(bias, (2, 3 * options.units))
    y, (h,) = sequence_int8(
        gate_step,
        3,
        x,
        (h0,),
        kernel,
        recurrent_kernel,
        biases,
        x_scale=x_scale,
        x_zero_point=x_zero_point,
        options=options,
        lengths=lengths,
        gains=gains,
    )
    return y, h


def gru_sequence_float(
    x: ArrayLike,
    h0: ArrayLike,
    kernels: tuple[ArrayLike, ...],
    recurrent_kernels: tuple[ArrayLike, ...],
    bias: ArrayLike,
    *,
    go_backwards: bool = False,
    taps: bool = False,
    dtype: type[np.floating] = np.float64,
) -> tuple[NDArray[np.floating], NDArray[np.floating], GruTaps | None]:
    """Runs the GRU in floating point, and on request returns its inner values.

    Args:
        x: `(batch, time, input_dim)`.
        h0: `(batch, units)`, or 0.0.
        kernels: as Keras keeps them: `(W,)` with W `(input_dim, 3 * units)`, or `(left, right)`
            with `(input_dim, rank)` and `(rank, 3 * units)`.
        recurrent_kernels: the same for the state.
        bias: `(2, 3 * units)`.
        go_backwards: reads the time steps from the last to the first.
        taps: also returns a `GruTaps`, for calibration.
        dtype: float32 or float64, the precision of the arithmetic.

    Returns:
        All states `(batch, time, units)`, the last state `(batch, units)`, and the taps or None.
    """
    inputs = np.asarray(x, dtype=dtype)
    if go_backwards:
        inputs = inputs[:, ::-1]
    left = [np.asarray(k, dtype=dtype) for k in kernels]
    right = [np.asarray(k, dtype=dtype) for k in recurrent_kernels]
    biases = np.asarray(bias, dtype=dtype)
    batch, steps, _ = inputs.shape
    units = right[-1].shape[1] // 3
    h = np.array(np.broadcast_to(np.asarray(h0, dtype=dtype), (batch, units)))

    a_x = inputs @ left[0] if len(left) == 2 else None
    p_x = (inputs if a_x is None else a_x) @ left[-1] + biases[0]
    a_h = np.empty((batch, steps, right[0].shape[1]), dtype) if len(right) == 2 and taps else None
    p_h = np.empty((batch, steps, 3 * units), dtype) if taps else None
    states = np.empty((batch, steps, units), dtype)
    for t in range(steps):
        inner = h @ right[0] if len(right) == 2 else h
        recurrent = inner @ right[-1] + biases[1]
        z = float_sigmoid(p_x[:, t, :units] + recurrent[:, :units])
        r = float_sigmoid(p_x[:, t, units : 2 * units] + recurrent[:, units : 2 * units])
        n = np.tanh(p_x[:, t, 2 * units :] + r * recurrent[:, 2 * units :])
        h = z * h + (1 - z) * n
        states[:, t] = h
        if a_h is not None:
            a_h[:, t] = inner
        if p_h is not None:
            p_h[:, t] = recurrent
    found = GruTaps(a_x, a_h, p_x, p_h, states) if p_h is not None else None
    return states, h, found
