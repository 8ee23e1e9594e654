"""Any recurrent cell as the ops compute it: the executable spec of every kernel, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfpipeline.numerics.activations import FUNCTIONS
from tfpipeline.numerics.cells import Cell, Functions
from tfpipeline.numerics.layer_norm import GAIN_LIMIT, fold_layer_norm, load_gains
from tfpipeline.numerics.planes import fold_planes
from tfpipeline.numerics.quantize import requantize
from tfpipeline.numerics.recurrent_options import RecurrentOptions

Float32Array = NDArray[np.float32]
Int8Array = NDArray[np.int8]

#: States smaller than this become zero, so that no float of the op is ever subnormal.
STATE_FLOOR = np.float32(2.0**-60)
#: States that come in, and states that may grow, are clamped to this magnitude.
STATE_LIMIT = np.float32(32768.0)


@dataclass(frozen=True)
class QuantizedMatrix:
    """int8 weights `(rows, columns)` in [-127, 127] with one float32 scale a row.

    Weights of 4 and 2 bits are int8 here too, in [-8, 7] and [-2, 1]; `bits` is what they take in a
    file. Of a sum of several `planes` the rows lie plane by plane, `planes` times as many as the
    matrix has.
    """

    values: Int8Array
    scales: Float32Array
    bits: int = 8
    planes: int = 1

    def rows(self, kept: slice) -> QuantizedMatrix:
        """Return some of the rows, of every plane."""
        if self.planes == 1:
            return QuantizedMatrix(self.values[kept], self.scales[kept], self.bits)
        parts = [plane.rows(kept) for plane in self.split()]
        values, scales = (np.concatenate([getattr(p, n) for p in parts]) for n in _PARTS)
        return QuantizedMatrix(values, scales, self.bits, self.planes)

    def split(self) -> tuple[QuantizedMatrix, ...]:
        """Return the planes."""
        values, scales = (np.split(getattr(self, name), self.planes) for name in _PARTS)
        return tuple(QuantizedMatrix(v, s, self.bits) for v, s in zip(values, scales, strict=True))

    def real(self) -> Float32Array:
        """Return the matrix that is stored, float32 `(rows, columns)`."""
        products = [p.values * p.scales[:, None].astype(np.float32) for p in self.split()]
        return np.sum(products, axis=0, dtype=np.float32)


_PARTS = ("values", "scales")


@dataclass(frozen=True)
class Product:
    """What both products of one step start from: int32 sums, and how they become real numbers.

    Args:
        acc: int32 `(batch, gates * units)`.
        multiplier: float32 `(gates * units,)`, with layer normalization `(batch, gates * units)`.
        bias: float32 of the same shape, or None.
    """

    acc: NDArray[np.int32]
    multiplier: Float32Array
    bias: Float32Array | None

    def gates(self, count: int) -> list[Float32Array]:
        """Return the pre-activations of each gate, float32 `(batch, units)`."""
        values = self.acc.astype(np.float32) * self.multiplier
        if self.bias is not None:
            values = values + self.bias
        return np.split(values, count, axis=-1)


def kernel_functions(options: RecurrentOptions, bias: Float32Array) -> Functions:
    """Return the functions of the kernels for one layer, and the cell's own numbers.

    Args:
        options: Of the layer.
        bias: All rows, as `load_bias` returns them.
    """
    cell = options.recurrent_cell
    numbers = dict(zip(cell.parameters, load_bias(options.parameters), strict=True))
    return Functions(
        FUNCTIONS[options.recurrent_activation],
        FUNCTIONS[options.activation],
        settle_state,
        floor_state,
        {**numbers, **cell.numbers_of_units(bias)},
    )


def step_int8(
    cell: Cell, x: Product, h: Product, states: Sequence[Float32Array], functions: Functions
) -> tuple[Float32Array, ...]:
    """Return the next states: one step of the op, in its fixed order of float32 operations."""
    count = len(cell.gates)
    return cell.step(x.gates(count), h.gates(count), states, functions)


def load_state(h0: ArrayLike) -> Float32Array:
    """Return the state as the op takes it in: clamped, and zero where tiny or not a number."""
    values = np.asarray(h0, dtype=np.float32)
    clamped = np.clip(values, -STATE_LIMIT, STATE_LIMIT)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) >= STATE_FLOOR, clamped, np.float32(0.0))


def settle_state(state: Float32Array) -> Float32Array:
    """Return the state of a step as the op keeps it: within the limits, and zero where tiny."""
    return floor_state(np.clip(state, -STATE_LIMIT, STATE_LIMIT))


def floor_state(state: Float32Array) -> Float32Array:
    """Return zero in place of tiny numbers."""
    return np.where(np.abs(state) >= STATE_FLOOR, state, np.float32(0.0))


def quantize_state(h: ArrayLike, scale_h: float) -> Int8Array:
    """Return clamp(round(h * (1 / scale_h)), -127, 127) as int8, all in float32."""
    inverse = np.float32(1.0) / np.float32(scale_h)
    values = np.asarray(h, dtype=np.float32) * inverse
    return np.rint(np.clip(values, np.float32(-127.0), np.float32(127.0))).astype(np.int8)


def load_bias(bias: ArrayLike) -> Float32Array:
    """Return a bias, or parameters, as the op takes them in: tiny values become zero."""
    values = np.asarray(bias, dtype=np.float32)
    return np.where(np.abs(values) >= STATE_FLOOR, values, np.float32(0.0))


def sequence_int8(
    x: Int8Array,
    initial: Sequence[ArrayLike],
    kernel: tuple[QuantizedMatrix, ...],
    recurrent_kernel: tuple[QuantizedMatrix, ...],
    bias: ArrayLike,
    *,
    x_scale: float,
    x_zero_point: int,
    options: RecurrentOptions,
    lengths: ArrayLike | None = None,
    gains: ArrayLike | None = None,
) -> tuple[Int8Array, tuple[Float32Array, ...]]:
    """Run the cell of `options` as every kernel does, bit for bit.

    Args:
        x: int8 `(batch, time + window - 1, input_dim)`, affine with `x_scale` and `x_zero_point`.
            A window of more than one step begins with those before the first one.
        initial: The initial states, float32 `(batch, units)` each.
        kernel: `(W,)` with W `(gates * units, input_dim)`, or `(first, second)` with
            `(rank_x, input_dim)` and `(gates * units, rank_x)`: rows are outputs. A window has
            `window * input_dim` columns, the oldest step first. W of several planes has the rows
            of all, one plane after another.
        recurrent_kernel: The same with `units` in place of `input_dim`, and `rank_h`; `()` for a
            cell without one.
        bias: float32 `(stored rows, gates * units)`: `Cell.stored_rows` says which.
        x_scale: Scale of `x`.
        x_zero_point: Zero point of `x`.
        options: Sizes, inner scales, flags and functions.
        lengths: int32 `(batch,)`, the steps of each sequence that count, clamped to [0, time].
            The steps past them leave the states as they are and repeat their output. None: all.
        gains: float32 `(2, gates * units)` of W x and U h, where the options say `layer_norm`.

    Returns:
        `y` int8 `(batch, time, units)` or `(batch, units)`, and the final states, float32
        `(batch, units)`.

    Raises:
        ValueError: A shape does not fit `options`.
    """
    x, cell = np.asarray(x), options.recurrent_cell
    rows, bits = cell.rows(options.units), options.weight_bits
    window = options.window
    width = window * options.input_dim
    stored_x, stored_h = (rows * planes for planes in (options.planes_x, options.planes_h))
    _check_matrices("kernel", kernel, width, options.rank_x, stored_x, bits[:2])
    if cell.recurrent:
        _check_matrices(
            "recurrent_kernel", recurrent_kernel, options.units, options.rank_h, stored_h, bits[2:]
        )
    elif recurrent_kernel:
        raise ValueError(f"recurrent_kernel must be () for cell {cell.name!r}.")
    batch, frames, depth = x.shape
    if depth != options.input_dim:
        raise ValueError(f"x must have {options.input_dim} features; got {x.shape}.")
    steps = frames - window + 1
    if steps < 1:
        raise ValueError(f"x must have at least {window} time steps; got {x.shape}.")
    biases = load_bias(_check_bias(bias, (cell.stored_rows, rows)))
    counted = np.full(batch, steps) if lengths is None else np.asarray(lengths)
    if counted.shape != (batch,):
        raise ValueError(f"lengths must have the shape ({batch},); got {counted.shape}.")
    if options.layer_norm != (gains is not None):
        raise ValueError(f"gains go with layer_norm, which is {options.layer_norm}.")
    if gains is not None:
        gains = _check_gains(gains, (2, rows))
    functions = kernel_functions(options, biases)

    states = tuple(np.broadcast_to(load_state(s), (batch, options.units)) for s in initial)
    q = quantize_state(states[0], options.scale_h)
    centred = x.astype(np.int32) - np.int32(x_zero_point)
    order = range(steps - 1, -1, -1) if options.go_backwards else range(steps)
    y = np.empty((batch, steps, options.units), np.int8)
    for place, t in enumerate(order):
        seen = centred[:, t : t + window].reshape(batch, width)
        acc_x, m_x = _product(seen, x_scale, kernel, options.scale_a_x)
        b_x, b_h = biases[0], biases[1] if cell.bias_rows == 2 else None
        acc_x, m_x, b_x = fold_planes(acc_x, m_x, b_x, rows)
        acc_h, m_h = np.zeros((batch, 0), np.int32), np.zeros(0, np.float32)
        if cell.recurrent:
            acc_h, m_h = _product(q, options.scale_h, recurrent_kernel, options.scale_a_h)
            # The only bias of some cells takes up the planes of both, and both means.
            if b_h is None:
                acc_h, m_h, b_x = fold_planes(acc_h, m_h, b_x, rows)
            else:
                acc_h, m_h, b_h = fold_planes(acc_h, m_h, b_h, rows)
        if gains is not None:
            split = (len(cell.gates), options.epsilon)
            m_x, b_x = fold_layer_norm(acc_x, m_x, b_x, gains[0], *split)
            if b_h is not None:
                m_h, b_h = fold_layer_norm(acc_h, m_h, b_h, gains[1], *split)
            elif cell.recurrent:
                m_h, b_x = fold_layer_norm(acc_h, m_h, b_x, gains[1], *split)
        after = step_int8(
            cell, Product(acc_x, m_x, b_x), Product(acc_h, m_h, b_h), states, functions
        )
        inside = (t < counted)[:, None]
        states = tuple(np.where(inside, a, s) for a, s in zip(after, states, strict=True))
        q = quantize_state(states[0], options.scale_h)
        y[:, place] = q
    return (y if options.return_sequences else q), tuple(np.array(s) for s in states)


def _check_bias(bias: ArrayLike, shape: tuple[int, int]) -> Float32Array:
    values = np.asarray(bias, np.float32)
    if values.shape != shape:
        raise ValueError(f"bias must have the shape {shape}; got {values.shape}.")
    return values


def _check_gains(gains: ArrayLike, shape: tuple[int, int]) -> Float32Array:
    values = np.asarray(gains, np.float32)
    if values.shape != shape:
        raise ValueError(f"gains must have the shape {shape}; got {values.shape}.")
    if not (np.abs(values) <= GAIN_LIMIT).all():
        raise ValueError("gains must lie in [-2^20, 2^20].")
    return load_gains(values)


def _product(
    vector: NDArray[np.integer], scale: float, matrices: tuple[QuantizedMatrix, ...], inner: float
) -> tuple[NDArray[np.int32], Float32Array]:
    """Return the int32 accumulators of the last matrix and the multiplier of each row."""
    step = np.float32(scale)
    if len(matrices) == 2:
        acc = vector.astype(np.int32) @ matrices[0].values.astype(np.int32).T
        vector = requantize(acc, (step * matrices[0].scales) / np.float32(inner))
        step = np.float32(inner)
    acc = vector.astype(np.int32) @ matrices[-1].values.astype(np.int32).T
    return acc, step * matrices[-1].scales


def _check_matrices(
    name: str,
    matrices: tuple[QuantizedMatrix, ...],
    depth: int,
    rank: int,
    rows: int,
    bits: Sequence[int],
) -> None:
    shapes = [(rank, depth), (rows, rank)] if rank else [(rows, depth)]
    got = [m.values.shape for m in matrices]
    if got != shapes or any(m.scales.shape != m.values.shape[:1] for m in matrices):
        raise ValueError(
            f"{name} must hold matrices of the shapes {shapes} with one scale a row; got {got}."
        )
    for matrix, width in zip(matrices, bits, strict=False):
        low = -127 if width == 8 else -(2 ** (width - 1))
        if matrix.values.min() < low or matrix.values.max() >= 2 ** (width - 1):
            raise ValueError(f"{name} holds weights that {width} bits do not hold.")
