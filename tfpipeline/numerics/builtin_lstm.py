"""TensorFlow Lite's UNIDIRECTIONAL_SEQUENCE_LSTM in integers, in numpy.

This is the form that converters write for int8 models: activations are int8, gates and the cell
int16. It is what the plug-in runs with `accelerate_builtin`; custom_ops/spec/builtin_lstm.md says
the same in words. Source: LiteRT, tflite/kernels/lstm_eval.cc (Apache 2.0), whose portable kernels
this follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tfpipeline.numerics.fixed_point import (
    apply_scale,
    checked_log2,
    fixed_scale,
    inverse_sqrt_scale,
    sigmoid_fixed,
    tanh_fixed,
)
from tfpipeline.numerics.fully_connected_uint8 import rounding_divide_by_pot, wrap

Int8Array = NDArray[np.int8]
Int16Array = NDArray[np.int16]
Int64Array = NDArray[np.int64]

#: Gates in the order of the op's inputs.
INPUT, FORGET, CELL, OUTPUT = range(4)
#: Of the op's inputs: the first of the gates' kernels, recurrent kernels, and so on.
KERNEL, RECURRENT, PEEPHOLE, BIAS, PROJECTION, PROJECTION_BIAS, NORM = 1, 5, 9, 12, 16, 17, 20


@dataclass(frozen=True)
class BuiltinLstm:
    """A layer as the file has it.

    Args:
        constants: arrays by input of the op; what is left out is not there.
        scales: float32 scales of those that have one.
        x_scale, x_zero_point: of the inputs; and so on for the output state, and for what the
            projection multiplies ("hidden", without a projection the output itself).
        cell_scale: of the cell state, a power of two from 2^-15 to 2^-9.
        cell_clip, proj_clip: real bounds of cell and projection; 0: none.
        norm_scales: of each gate before its normalization.
    """

    constants: Mapping[int, np.ndarray]
    scales: Mapping[int, float]
    x_scale: float
    x_zero_point: int
    h_scale: float
    h_zero_point: int
    hidden_scale: float
    hidden_zero_point: int
    cell_scale: float
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    norm_scales: tuple[float, ...] = field(default=(1.0, 1.0, 1.0, 1.0))

    @property
    def cells(self) -> int:
        return len(self.constants[KERNEL + OUTPUT])

    @property
    def outputs(self) -> int:
        return int(self.constants[RECURRENT + OUTPUT].shape[1])

    def run(
        self, x: Int8Array, h: Int8Array, cell: Int16Array, *, time_major: bool = False
    ) -> tuple[Int8Array, Int8Array, Int16Array]:
        """Return `(y, h, cell)` after all time steps.

        Args:
            x: int8 `(batch, time, input_dim)`; with `time_major` the first two exchanged.
            h: int8 `(batch, outputs)`, the output state before.
            cell: int16 `(batch, cells)`, likewise.
            time_major: order of `x` and `y`. A peephole of a layer with fewer outputs than cells
                then reaches other cells, as it does in the runtime.
        """
        if not time_major and len(x) > 1:
            parts = [self.run(x[i : i + 1], h[i : i + 1], cell[i : i + 1]) for i in range(len(x))]
            y, h, cell = (np.concatenate(part) for part in zip(*parts, strict=True))
            return y, h, cell
        steps = x if time_major else x.transpose(1, 0, 2)
        h64, cell64 = h.astype(np.int64), cell.astype(np.int64)
        outputs = []
        for step in steps:
            h64, cell64 = self._step(step.astype(np.int64), h64, cell64)
            outputs.append(h64.astype(np.int8))
        y = np.stack(outputs, 0 if time_major else 1)
        return y, h64.astype(np.int8), cell64.astype(np.int16)

    def _step(self, x: Int64Array, h: Int64Array, c: Int64Array) -> tuple[Int64Array, Int64Array]:
        bits = checked_log2(self.cell_scale) + 15
        f = sigmoid_fixed(self._gate(FORGET, x, h, c))
        g = tanh_fixed(self._gate(CELL, x, h, c), 3)
        i = sigmoid_fixed(self._gate(INPUT, x, h, c)) if KERNEL in self.constants else 32767 - f
        c = rounding_divide_by_pot(f * c, 15) + rounding_divide_by_pot(i * g, 15 + bits)
        c = np.clip(c, -32768, 32767)
        if clip := _steps(self.cell_clip, self.cell_scale, 32767):
            c = np.clip(c, -clip, clip)
        o = sigmoid_fixed(self._gate(OUTPUT, x, h, c))
        product = o * tanh_fixed(c, bits)
        factor = np.float32(2.0**-15 / float(np.float32(self.hidden_scale)) * 2.0**-15)
        hidden = apply_scale(product, fixed_scale(float(factor)))
        if PROJECTION not in self.constants:
            return np.clip(hidden + self.hidden_zero_point, -128, 127), c
        return self._project(np.clip(hidden - self.hidden_zero_point, -128, 127)), c

    def _project(self, hidden: Int64Array) -> Int64Array:
        weights = self.constants[PROJECTION].astype(np.int64)
        sums = (hidden + self.hidden_zero_point) @ weights.T
        if PROJECTION_BIAS in self.constants:
            sums = sums + self.constants[PROJECTION_BIAS]
        factor = self._scale(PROJECTION) * np.float32(self.hidden_scale) / np.float32(self.h_scale)
        h = apply_scale(wrap(sums), fixed_scale(float(factor))) + self.h_zero_point
        h = np.clip(h, -128, 127)
        clip = _steps(self.proj_clip, self.h_scale, 127)
        return np.clip(h, -clip, clip) if clip else h

    def _scale(self, i: int) -> np.float32:
        return np.float32(self.scales[i])

    def _gate(self, gate: int, x: Int64Array, h: Int64Array, c: Int64Array) -> Int64Array:
        """Return a gate before its function, 12 fractional bits."""
        norm = NORM + gate in self.constants
        step = np.float32(self.norm_scales[gate] if norm else 2.0**-12)
        weights, recurrent = (
            self.constants[i + gate].astype(np.int64) for i in (KERNEL, RECURRENT)
        )
        bias = 0 if norm else self.constants[BIAS + gate].astype(np.int64)
        of_x = self._scale(KERNEL + gate) * np.float32(self.x_scale) / step
        of_h = self._scale(RECURRENT + gate) * np.float32(self.h_scale) / step
        value = np.zeros(c.shape, np.int64)
        for sums, factor in (
            ((x - self.x_zero_point) @ weights.T + bias, of_x),
            ((h - self.h_zero_point) @ recurrent.T, of_h),
        ):
            value = _add(value, apply_scale(wrap(sums), fixed_scale(float(factor))))
        place = PEEPHOLE + (0, 1, -1, 2)[gate]
        if gate != CELL and place in self.constants:
            factor = np.float32(self.cell_scale * float(self._scale(place)) / float(step))
            value = self._look(place, fixed_scale(float(factor)), value, c)
        return self._normalize(gate, value) if norm else value

    def _look(
        self, place: int, scale: tuple[int, int], value: Int64Array, c: Int64Array
    ) -> Int64Array:
        """Add the peephole: the runtime takes all cells as one row, and one number an output."""
        count = len(c) * self.outputs
        weights = np.resize(self.constants[place][: self.outputs].astype(np.int64), count)
        flat = value.ravel().copy()
        flat[:count] = _add(flat[:count], apply_scale(weights * c.ravel()[:count], scale))
        return flat.reshape(value.shape)

    def _normalize(self, gate: int, value: Int64Array) -> Int64Array:
        return np.stack([self._normalize_row(gate, row) for row in value])

    def _normalize_row(self, gate: int, row: Int64Array) -> Int64Array:
        """Divide toward zero throughout; the variance has 20 more bits until it is divided."""
        n = len(row)
        mean = _toward_zero(int(row.sum()) * 1024, n)
        variance = int((row * row).sum()) * ((1 << 20) // n) - mean * mean
        whole = _toward_zero(variance, 1 << 20)
        scale = self._scale(NORM + gate)
        if whole < 1:
            whole = max(1, int(np.float32(10000) * scale))
        unit = apply_scale(1024 * row - mean, inverse_sqrt_scale(whole))
        weighted = wrap(unit * self.constants[NORM + gate] + self.constants[BIAS + gate])
        nudged = weighted.astype(np.int64) + np.where(weighted > 0, 512, -512)
        rounded = np.sign(nudged) * (np.abs(nudged) // 1024)
        mantissa, shift = fixed_scale(float(scale))
        return np.clip(apply_scale(rounded, (mantissa, shift + 12)), -32768, 32767)


def _add(a: Int64Array, b: Int64Array) -> Int64Array:
    return np.clip(a + b, -32768, 32767)


def _toward_zero(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)


def _steps(clip: float, scale: float, most: int) -> int:
    """Return a clip as an integer, rounded toward zero."""
    return int(min(np.float32(clip) / np.float32(scale), np.float32(most))) if clip > 0 else 0
