"""A recurrent layer on some sequences in NumPy: states, gates and Jacobians of every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpipeline.callbacks.spectral.normalized_map import NormalizedMap, gate_parts
from tfpipeline.callbacks.spectral.step_jacobians import StepJacobians
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer
from tfpipeline.numerics.cells import CELLS, Functions
from tfpipeline.numerics.recurrent_float import FLOAT_FUNCTIONS
from tfpipeline.protocol import RecurrentStep

# Functions within -1 and 1, which the bounds of gradients take for granted.
_KNOWN = {
    "quant_tanh": FLOAT_FUNCTIONS["hard_tanh"],
    **{name: function for name, function in FLOAT_FUNCTIONS.items() if name != "relu"},
}
# Of central differences in float64, whose error is then about 1e-10.
_CHANGE = 1e-5


class RecurrentTrace:
    """What a layer computes at inference.

    Args:
        layer: built, and `is_traceable`.
        sequences: `(batch, time, features)`.
        mask: booleans `(batch, time)`, or None.
        initial: first states, `(batch, units)` each.

    Attributes:
        cell: descriptor of the cell.
        product: of the state.
        p_x, p_h: pre-activations `(time, batch, gates * units)`, biases included.
        states: `(time + 1, batch, units)` each, h first.
        slope, recurrent_slope: largest slopes of both activations.
    """

    def __init__(
        self, layer: Any, sequences: np.ndarray, mask: np.ndarray | None, initial: Sequence[Any]
    ) -> None:
        # That of `RecurrentLayer`: with nothing folded into it.
        step = RecurrentLayer.export_step(layer)
        self.cell = CELLS[step.cell]
        gates = len(self.cell.gates)
        normal = layer.cell.averages_of() if hasattr(layer.cell, "averages_of") else (None, None)
        bias = np.asarray(step.bias, np.float64)
        inputs = NormalizedMap(_whole(step.kernel), normal[0], gates)
        self.product = NormalizedMap(_whole(step.recurrent_kernel), normal[1], gates)
        activation, recurrent = (_KNOWN[name] for name in _activations(step))
        numbers = {name: step.attributes[name] for name in self.cell.parameters}
        self.functions = Functions(
            recurrent, activation, _same, _same, {**numbers, **self.cell.numbers_of_units(bias)}
        )
        self.slope, self.recurrent_slope = (_steepest(f) for f in (activation, recurrent))
        x = np.asarray(sequences, np.float64).transpose(1, 0, 2)
        on = np.ones(x.shape[:2], bool) if mask is None else np.asarray(mask, bool).T
        if layer.go_backwards:
            x, on = x[::-1], on[::-1]
        self.mask = on
        states = [np.asarray(s, np.float64) for s in initial[: len(self.cell.states)]]
        taps: list[Any] = []
        kept: list[Any] = []
        own = bias[1] if self.cell.bias_rows > 1 else 0.0
        for time, now in enumerate(x):
            p_x = inputs(now, time)[0] + bias[0]
            p_h, beside = self.product(states[0], time)
            taps.append((p_x, p_h + own, *states))
            kept.append(beside)
            new = self._step(p_x, p_h + own, states)
            states = [np.where(on[time][:, None], a, b) for a, b in zip(new, states, strict=True)]
        self.p_x, self.p_h, *before = (np.stack(parts) for parts in zip(*taps, strict=True))
        self.states = [
            np.concatenate([b, last[None]]) for b, last in zip(before, states, strict=True)
        ]
        self.slopes = self.product.slopes(kept)

    def _step(self, p_x: np.ndarray, p_h: np.ndarray, states: Sequence[np.ndarray]) -> Any:
        gates = len(self.cell.gates)
        return self.cell.step(
            gate_parts(p_x, gates), gate_parts(p_h, gates), states, self.functions
        )

    def gate(self, index: int) -> np.ndarray:
        """Return the values of a sigmoid gate, of all steps."""
        gates = len(self.cell.gates)
        return self.functions.sigmoid(
            gate_parts(self.p_x, gates)[index] + gate_parts(self.p_h, gates)[index]
        )

    def jacobians(self) -> StepJacobians:
        """Return the derivatives of the states by those before.

        All that is not the product acts on each unit alone, so that differences have the partial
        derivatives of all units at once.
        """
        before = [s[:-1] for s in self.states]
        on = self.mask[..., None]
        by_state = []
        for j in range(len(before)):
            moved = [
                [b + (sign * _CHANGE if i == j else 0.0) for i, b in enumerate(before)]
                for sign in (1, -1)
            ]
            up, down = (self._step(self.p_x, self.p_h, states) for states in moved)
            slopes = [_slope(a, b) for a, b in zip(up, down, strict=True)]
            by_state.append([np.where(on, s, float(k == j)) for k, s in enumerate(slopes)])
        by_gate = []
        gates = len(self.cell.gates)
        for g in range(gates):
            own = np.zeros(self.p_h.shape[-1])
            gate_parts(own, gates)[g][:] = _CHANGE
            up, down = (self._step(self.p_x, self.p_h + sign * own, before) for sign in (1, -1))
            slopes = [_slope(a, b) for a, b in zip(up, down, strict=True)]
            by_gate.append([np.where(on, s, 0.0) for s in slopes])
        return StepJacobians(self.product.matrix, self.slopes, by_state, by_gate)


def is_traceable(layer: Any) -> bool:
    """Return whether a layer is one that `RecurrentTrace` knows."""
    if not isinstance(layer, RecurrentLayer) or not layer.built:
        return False
    cell = layer.cell
    known = CELLS.get(cell.KIND)
    if known is None or not known.recurrent:
        return False
    if getattr(cell, "normalize_cell", False) or getattr(cell, "activation_bits", None):
        return False
    step = RecurrentLayer.export_step(layer)
    return (
        set(_activations(step)) <= set(_KNOWN) and step.attributes.get("reset_after", True) is True
    )


def _activations(step: RecurrentStep) -> tuple[str, str]:
    """Return the names of both activations without their packages."""
    # A cell whose gates have none of their own has one.
    both = (step.activation, step.recurrent_activation or step.activation)
    first, second = (name.rpartition(">")[2] for name in both)
    return first, second


def _whole(matrices: Sequence[np.ndarray]) -> np.ndarray:
    whole = np.asarray(matrices[0], np.float64)
    for matrix in matrices[1:]:
        whole = whole @ np.asarray(matrix, np.float64)
    return whole


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _slope(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    return (up - down) / (2 * _CHANGE)


def _steepest(function: Any) -> float:
    grid = np.linspace(-8.0, 8.0, 4097)
    return float(np.max(np.diff(function(grid)) / np.diff(grid)))
