"""One step of a FastRNN or FastGRNN in integers alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfpipeline.numerics.byte_cells.cell_weights import SCALAR_SCALE, ByteWeights
from tfpipeline.numerics.byte_cells.fixed_point import (
    GATE_BITS,
    INT16_MAX,
    INT32_MAX,
    UNIT_BITS,
    IntArray,
    ToUnit,
    clamp,
    saturate,
    shift_right,
    to_fixed,
)
from tfpipeline.numerics.byte_cells.integer_sums import IntegerSums

#: How many bits the argument of a gate is shifted: quantSigm4(x) = quantSigm(x / 2).
GATE_SHIFTS = {"quant_sigmoid": 0, "quant_sigmoid4": 1}


class IntegerCell:
    """A step of a cell with int8 weights, int16 vectors and int32 sums, and nothing else.

    The paper publishes no integer evaluation; this one is ours. It uses the paper's bytes, and the
    piecewise-linear functions quantTanh(x) = clip(x, -1, 1), quantSigm(x) = clip((x + 1) / 2, 0, 1)
    and quantSigm4(x) = clip((x + 2) / 4, 0, 1). With `shift` and `unit` of `fixed_point`, `p` of
    `IntegerSums`, and b its bias:

        n = unit(p + b_h)                         2^14 is 1
        z = unit(shift(p' , 0 or 1)) + 2^14       2^15 is 1; p' = p + b_z, clamped where z is 0 or 1
        fast_rnn:   h' = shift(alpha n + beta h, 15)
        fast_grnn:  g  = shift(zeta (2^15 - z), 15) + nu
                    h' = shift(g n + z h, 15)
        h  = clip(saturate(shift(gain saturate(h'), 15) + offset), -limit, limit)

    n is brought to `state_bits` before it meets h; alpha, beta, zeta, nu and gain are rounded to
    2^-15. The last line is the drift control: gain and offset are the filter
    `gamma h + (1 - gamma) lambda` of Comfi-FastGRNN, and do nothing unless they are given. Each
    int32 fits for any input, which the constructor checks of the sums; the other products stay
    below 2^31 because of the ranges of their operands.

    Source of the equations: Kusupati et al. 2018, section 3; of the filter: arXiv 2601.14925.

    Args:
        weights: the bytes.
        x_bits: fraction of x, from 0 to `state_bits`: 12 holds inputs in [-8, 8).
        state_bits: fraction of h, at most 14: 14 holds states in [-2, 2); a larger state is cut.
        recurrent_activation: `"quant_sigmoid"` or `"quant_sigmoid4"`; a FastRNN has none.
        h_clip: largest magnitude of a state; None leaves the range of int16.
        gain: of the filter, from 0 to 1.
        offset: of the filter.

    Raises:
        ValueError: an argument is out of range, or sums do not fit into 32 bits.
    """

    def __init__(
        self,
        weights: ByteWeights,
        *,
        x_bits: int = 12,
        state_bits: int = 14,
        recurrent_activation: str = "quant_sigmoid",
        h_clip: float | None = None,
        gain: float = 1.0,
        offset: float = 0.0,
    ) -> None:
        if not 0 <= x_bits <= state_bits <= UNIT_BITS:
            raise ValueError(
                f"`x_bits` and `state_bits` must rise from 0 to {UNIT_BITS}; "
                f"received {x_bits} and {state_bits}."
            )
        if recurrent_activation not in GATE_SHIFTS:
            raise ValueError(
                f"`recurrent_activation` must be one of {list(GATE_SHIFTS)}; "
                f"received {recurrent_activation!r}."
            )
        largest = INT16_MAX / 2**state_bits
        if not (0 <= gain <= 1 and abs(offset) <= largest and (h_clip is None or h_clip > 0)):
            raise ValueError(
                f"`gain` must lie in [0, 1], `offset` in [-{largest:.4g}, {largest:.4g}] and "
                f"`h_clip` be positive; received {gain!r}, {offset!r} and {h_clip!r}."
            )
        self.weights = weights
        self.x_bits, self.state_bits = x_bits, state_bits
        self.gate_shift = GATE_SHIFTS[recurrent_activation]
        self.sums = IntegerSums(weights, x_bits, state_bits)
        self.unit = ToUnit.of(self.sums.one)
        self.scalars = {
            name: to_fixed(value / SCALAR_SCALE, GATE_BITS)
            for name, value in weights.scalars.items()
        }
        self.gain, self.offset = to_fixed(gain, GATE_BITS), to_fixed(offset, state_bits)
        self.limit = INT16_MAX if h_clip is None else min(INT16_MAX, to_fixed(h_clip, state_bits))
        self._check_classifier()

    def step(self, x: IntArray, h: IntArray) -> IntArray:
        """Return the new state, `(batch, units)` in int16.

        Args:
            x: `(batch, features)` in int16, as `to_input` makes it.
            h: `(batch, units)` in int16; zeros at first.
        """
        sums = self.sums(x, h)
        bias, wide = self.sums.bias, h.astype(np.int32)
        n = shift_right(self.unit(sums + bias[-1]), UNIT_BITS - self.state_bits)
        if self.weights.cell == "fast_rnn":
            update = self.scalars["alpha"] * n + self.scalars["beta"] * wide
        else:
            z = self._gate(sums + bias[0])
            g = shift_right(self.scalars["zeta"] * ((1 << GATE_BITS) - z), GATE_BITS)
            g = g + self.scalars["nu"]
            update = g * n + z * wide
        new = saturate(shift_right(update, GATE_BITS))
        new = saturate(shift_right(self.gain * new, GATE_BITS) + self.offset)
        return clamp(new, self.limit).astype(np.int16)

    def sequence(self, x: IntArray, h: IntArray | None = None) -> IntArray:
        """Return the state behind every step, `(batch, time, units)` in int16.

        Args:
            x: `(batch, time, features)` in int16.
            h: initial state; zeros unless it is given.
        """
        state = np.zeros((len(x), self.weights.units), np.int16) if h is None else h
        states = np.empty((*x.shape[:2], self.weights.units), np.int16)
        for t in range(x.shape[1]):
            state = states[:, t] = self.step(x[:, t], state)
        return states

    def scores(self, h: IntArray) -> IntArray:
        """Return the classifier's scores, int32 multiples of `1 / (classifier_scale 2^state_bits)`.

        Raises:
            ValueError: there is no classifier.
        """
        matrix, bias = self.weights.classifier, self.weights.classifier_bias
        if matrix is None or bias is None:
            raise ValueError("the cell has no classifier; give `CellWeights` one.")
        return h.astype(np.int32) @ matrix.astype(np.int32) + (
            bias.astype(np.int32) << self.state_bits
        )

    def to_input(self, x: ArrayLike) -> IntArray:
        """Return numbers as int16 with `x_bits` of fraction: ties to even, cut at both ends."""
        values = np.asarray(x, np.float64) * 2.0**self.x_bits
        return saturate(np.rint(values)).astype(np.int16)

    def to_float(self, h: IntArray) -> np.ndarray:
        """Return states as numbers."""
        return np.asarray(h, np.float64) / 2**self.state_bits

    def _gate(self, sums: IntArray) -> IntArray:
        # Clamped first: twice `one` is far from the ends of int32.
        reach = self.sums.one << self.gate_shift
        argument = shift_right(clamp(sums, reach), self.gate_shift)
        return self.unit(argument) + (1 << UNIT_BITS)

    def _check_classifier(self) -> None:
        matrix = self.weights.classifier
        if matrix is None:
            return
        sums = 2**15 * np.abs(matrix.astype(np.int64)).sum(axis=0)
        if int(sums.max()) + (128 << self.state_bits) > INT32_MAX:
            raise ValueError(
                f"scores of a classifier of {matrix.shape[0]} units do not fit into 32 bits; "
                "take fewer units."
            )
