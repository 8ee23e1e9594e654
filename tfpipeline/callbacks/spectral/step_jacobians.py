"""The Jacobians of the steps of a recurrent layer, as linear maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.callbacks.spectral.normalized_map import Slopes, gate_parts
from tfpipeline.metrics.power_iteration import log_norms, spectral_norms, unit_rows

_ROUNDS = 40  # where values still change in their third digit, if at all


@dataclass(frozen=True, eq=False)
class StepJacobians:
    """Derivatives of all states by those one step before, states side by side.

    Args:
        matrix: recurrent kernel `(units, gates * units)`.
        slopes: of its products as they are normalized.
        by_state: `[j][k]`, of state k by state j where the product is held.
        by_gate: `[g][k]`, of state k by the product of gate g; all `(time, batch, units)`.
    """

    matrix: np.ndarray
    slopes: Slopes
    by_state: list[list[np.ndarray]]
    by_gate: list[list[np.ndarray]]

    def at(self, time: int) -> StepJacobians:
        """Return those of one time step, `(batch, units)` each."""
        return StepJacobians(
            self.matrix,
            self.slopes.at(time),
            [[a[time] for a in row] for row in self.by_state],
            [[a[time] for a in row] for row in self.by_gate],
        )

    def forward(self, v: np.ndarray) -> np.ndarray:
        """Return the change of the new states, of one of the old ones, `(..., states * units)`."""
        parts = np.split(v, len(self.by_state), axis=-1)
        products = gate_parts(self.slopes.forward(parts[0] @ self.matrix), len(self.by_gate))
        new = []
        for k in range(len(parts)):
            own = sum(row[k] * part for row, part in zip(self.by_state, parts, strict=True))
            new.append(own + sum(row[k] * p for row, p in zip(self.by_gate, products, strict=True)))
        return np.concatenate(new, axis=-1)

    def backward(self, w: np.ndarray) -> np.ndarray:
        """Return the adjoint of `forward`: the gradient by the old states."""
        parts = np.split(w, len(self.by_state), axis=-1)
        old = [
            np.asarray(sum(a * part for a, part in zip(row, parts, strict=True)))
            for row in self.by_state
        ]
        gates = [
            np.asarray(sum(a * part for a, part in zip(row, parts, strict=True)))
            for row in self.by_gate
        ]
        products = self.slopes.backward(np.concatenate(gates, axis=-1))
        old[0] = old[0] + products @ self.matrix.T
        return np.concatenate(old, axis=-1)

    def norms(self) -> np.ndarray:
        """Return the spectral norm of each step's, `(time, batch)`."""
        time, batch, units = self.by_state[0][0].shape
        shape = (time, batch, units * len(self.by_state))

        def rows(go: object) -> object:
            return lambda v: go(v.reshape(shape)).reshape(time * batch, -1)  # type: ignore[operator]

        flat = (time * batch, shape[-1])
        found = spectral_norms(rows(self.forward), rows(self.backward), flat, _ROUNDS, 1e-4)  # type: ignore[arg-type]
        return found.reshape(time, batch)

    def log_growth(self) -> np.ndarray:
        """Return the logarithm of the spectral norm of all steps' product, `(batch,)`."""
        time, batch, units = self.by_state[0][0].shape
        steps = [self.at(t) for t in range(time)]

        def through(v: np.ndarray, backwards: bool) -> tuple[np.ndarray, np.ndarray]:
            total = np.zeros(batch)
            for step in reversed(steps) if backwards else steps:
                v, log = unit_rows(step.backward(v) if backwards else step.forward(v))
                total = total + log
            return v, total

        return log_norms(
            lambda v: through(v, False),
            lambda u: through(u, True),
            (batch, units * len(self.by_state)),
            _ROUNDS // 4,
            1e-3,
        )
