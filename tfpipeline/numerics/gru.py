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

from tfpipeline.numerics.activations import sigmoid, tanh
from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.quantize import requantize

Float32Array = NDArray[np.float32]
Int8Array = NDArray[np.int8]

#: States smaller than this become zero, so that no float of the op is ever subnormal.
STATE_FLOOR = np.float32(2.0**-60)
#: States that come in are clamped to this magnitude.
STATE_LIMIT = np.float32(32768.0)


@dataclass(frozen=True)
class QuantizedMatrix:
    """int8 weights `(rows, columns)` in [-127, 127] with one float32 scale a row."""

    values: Int8Array
    scales: Float32Array


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


def load_state(h0: ArrayLike) -> Float32Array:
    """Returns the state as the op takes it in: clamped, and zero where tiny or not a number."""
    values = np.asarray(h0, dtype=np.float32)
    clamped = np.clip(values, -STATE_LIMIT, STATE_LIMIT)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) >= STATE_FLOOR, clamped, np.float32(0.0))


def quantize_state(h: ArrayLike, scale_h: float) -> Int8Array:
    """Returns clamp(round(h * (1 / scale_h)), -127, 127) as int8, all in float32."""
    inverse = np.float32(1.0) / np.float32(scale_h)
    values = np.asarray(h, dtype=np.float32) * inverse
    return np.rint(np.clip(values, np.float32(-127.0), np.float32(127.0))).astype(np.int8)


def load_bias(bias: ArrayLike) -> Float32Array:
    """Returns the bias as the op takes it in: tiny values become zero."""
    values = np.asarray(bias, dtype=np.float32)
    return np.where(np.abs(values) >= STATE_FLOOR, values, np.float32(0.0))


def gate_step(
    acc_x: NDArray[np.int32],
    acc_h: NDArray[np.int32],
    multiplier_x: Float32Array,
    multiplier_h: Float32Array,
    bias: Float32Array,
    h: Float32Array,
) -> Float32Array:
    """Returns the next state `(..., H)` from the int32 accumulators `(..., 3H)` of both products.

    One step of the op, in its fixed order of float32 operations. `bias` is float32 `(2, 3H)`.
    """
    p_x = acc_x.astype(np.float32) * multiplier_x + bias[0]
    p_h = acc_h.astype(np.float32) * multiplier_h + bias[1]
    x_z, x_r, x_n = np.split(p_x, 3, axis=-1)
    h_z, h_r, h_n = np.split(p_h, 3, axis=-1)
    z = sigmoid(x_z + h_z)
    r = sigmoid(x_r + h_r)
    n = tanh(x_n + r * h_n)
    state = z * h + (np.float32(1.0) - z) * n
    return np.where(np.abs(state) >= STATE_FLOOR, state, np.float32(0.0))


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
        options: sizes, inner scales and flags.

    Returns:
        `y` int8 `(batch, time, units)` or `(batch, units)`, and the last state float32
        `(batch, units)`.

    Raises:
        ValueError: a shape does not fit `options`.
    """
    x = np.asarray(x)
    bias = load_bias(bias)
    _check_matrices("kernel", kernel, options.input_dim, options.rank_x, options.units)
    _check_matrices(
        "recurrent_kernel", recurrent_kernel, options.units, options.rank_h, options.units
    )
    batch, steps, depth = x.shape
    if depth != options.input_dim:
        raise ValueError(f"x must have {options.input_dim} features; got {x.shape}.")
    if bias.shape != (2, 3 * options.units):
        raise ValueError(f"bias must have the shape (2, {3 * options.units}); got {bias.shape}.")

    h = np.broadcast_to(load_state(h0), (batch, options.units))
    q = quantize_state(h, options.scale_h)
    centred = x.astype(np.int32) - np.int32(x_zero_point)
    order = range(steps - 1, -1, -1) if options.go_backwards else range(steps)
    y = np.empty((batch, steps, options.units), np.int8)
    for place, t in enumerate(order):
        acc_x, m_x = _product(centred[:, t], x_scale, kernel, options.scale_a_x)
        acc_h, m_h = _product(q, options.scale_h, recurrent_kernel, options.scale_a_h)
        h = gate_step(acc_x, acc_h, m_x, m_h, bias, h)
        q = quantize_state(h, options.scale_h)
        y[:, place] = q
    return (y if options.return_sequences else q), np.array(h)


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
        z = _sigmoid(p_x[:, t, :units] + recurrent[:, :units])
        r = _sigmoid(p_x[:, t, units : 2 * units] + recurrent[:, units : 2 * units])
        n = np.tanh(p_x[:, t, 2 * units :] + r * recurrent[:, 2 * units :])
        h = z * h + (1 - z) * n
        states[:, t] = h
        if a_h is not None:
            a_h[:, t] = inner
        if p_h is not None:
            p_h[:, t] = recurrent
    found = GruTaps(a_x, a_h, p_x, p_h, states) if p_h is not None else None
    return states, h, found


def _sigmoid(x: NDArray[np.floating]) -> NDArray[np.floating]:
    # Through tanh, which neither overflows nor loses the small end.
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _product(
    vector: NDArray[np.integer], scale: float, matrices: tuple[QuantizedMatrix, ...], inner: float
) -> tuple[NDArray[np.int32], Float32Array]:
    """Returns the int32 accumulators of the last matrix and the multiplier of each row."""
    step = np.float32(scale)
    if len(matrices) == 2:
        acc = vector.astype(np.int32) @ matrices[0].values.astype(np.int32).T
        vector = requantize(acc, (step * matrices[0].scales) / np.float32(inner))
        step = np.float32(inner)
    acc = vector.astype(np.int32) @ matrices[-1].values.astype(np.int32).T
    return acc, step * matrices[-1].scales


def _check_matrices(
    name: str, matrices: tuple[QuantizedMatrix, ...], depth: int, rank: int, units: int
) -> None:
    shapes = [(rank, depth), (3 * units, rank)] if rank else [(3 * units, depth)]
    got = [m.values.shape for m in matrices]
    if got != shapes or any(m.scales.shape != m.values.shape[:1] for m in matrices):
        raise ValueError(
            f"{name} must hold matrices of the shapes {shapes} with one scale a row; got {got}."
        )
