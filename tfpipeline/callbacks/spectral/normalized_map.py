"""A product with a kernel and its normalization at inference, in NumPy, with its derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tfpipeline.metrics.power_iteration import spectral_norm
from tfpipeline.normalizations import BatchSeparate, BatchShared, Layer


@dataclass(frozen=True, eq=False)
class Slopes:
    """The derivative of normalized products at the points where they were taken.

    Args:
        scale: of every product, broadcasts over `(time, batch, columns)`.
        centered: of layer normalization, the products less mean and divided by deviation; else
            None.
        gates: how many lie side by side.
    """

    scale: np.ndarray
    centered: np.ndarray | None
    gates: int

    def forward(self, d: np.ndarray) -> np.ndarray:
        """Return the change of what is normalized, of that of the products."""
        return self._project(d) * self.scale

    def backward(self, d: np.ndarray) -> np.ndarray:
        """Return the adjoint of `forward`."""
        return self._project(d * self.scale)

    def at(self, time: int) -> Slopes:
        """Return the derivative at one time step."""
        scale = self.scale[time] if len(self.scale) > 1 else self.scale[0]
        return Slopes(scale, None if self.centered is None else self.centered[time], self.gates)

    def _project(self, d: np.ndarray) -> np.ndarray:
        if self.centered is None:
            return d
        apart = (*d.shape[:-1], self.gates, d.shape[-1] // self.gates)
        d, x = d.reshape(apart), self.centered.reshape(apart)
        mean = d.mean(axis=-1, keepdims=True)
        along = (d * x).mean(axis=-1, keepdims=True)
        return np.asarray((d - mean - x * along).reshape(*apart[:-2], -1))


class NormalizedMap:
    """`N(x W)` of one kernel with all gates side by side.

    Args:
        matrix: `(rows, gates * units)`, as it is multiplied with.
        normalization: bound to the kernel, with its weights; or None.
        gates: how many there are.
    """

    def __init__(self, matrix: np.ndarray, normalization: Any, gates: int) -> None:
        self.matrix = np.asarray(matrix, np.float64)
        self.gates = gates
        self._layer = normalization if isinstance(normalization, Layer) else None
        self._gain = None if normalization is None else _values(normalization.gain)
        self._scale, self._offset = _scale_and_offset(normalization, self.matrix)

    @property
    def gain(self) -> float | None:
        """The largest gain, g* of Hou et al.; None without a normalization."""
        return None if self._gain is None else float(np.abs(self._gain).max())

    def __call__(self, x: np.ndarray, time: int) -> tuple[np.ndarray, Any]:
        """Return the normalized products of one time step, and what `slopes` needs of them.

        Args:
            x: `(batch, rows)`.
            time: number of the step.
        """
        p = x @ self.matrix
        if self._layer is None:
            return p * self._row(self._scale, time) + self._row(self._offset, time), None
        apart = p.reshape(len(p), self.gates, -1)
        centered = apart - apart.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + self._layer.epsilon)
        centered = (centered / deviation).reshape(p.shape)
        units = p.shape[1] // self.gates
        kept = (centered, np.repeat(deviation[..., 0], units, axis=1))
        return centered * self._scale + self._offset, kept

    def slopes(self, kept: list[Any]) -> Slopes:
        """Return the derivative at all time steps, of what calls gave beside the products."""
        if self._layer is None:
            rows = np.minimum(np.arange(len(kept)), len(np.atleast_2d(self._scale)) - 1)
            scale = np.atleast_2d(self._scale)[rows if self._scale.ndim > 1 else [0]]
            return Slopes(scale[:, None], None, self.gates)
        centered, deviations = (np.stack(parts) for parts in zip(*kept, strict=True))
        return Slopes(self._scale / deviations, centered, self.gates)

    def norms(self, slopes: Slopes) -> list[float]:
        """Return a bound of the spectral norm of the derivative for each gate.

        It is the norm itself of a map that is linear. Where each step has averages of its own, or
        a layer's deviation, it holds for all steps.
        """
        largest = np.abs(slopes.scale).max(axis=tuple(range(slopes.scale.ndim - 1)))
        found = []
        both = (gate_parts(values, self.gates) for values in (self.matrix, largest))
        for part, own in zip(*both, strict=True):
            if slopes.centered is None:
                found.append(spectral_norm(part * own))
            else:
                found.append(spectral_norm(part) * float(own.max()))
        return found

    def _row(self, values: np.ndarray, time: int) -> np.ndarray:
        return values if values.ndim == 1 else values[min(time, len(values) - 1)]


def _scale_and_offset(normalization: Any, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what products are multiplied by and what is added, `(columns,)` or one a time step.

    For layer normalization they act on what is centered and divided.
    """
    if normalization is None:
        return np.ones(matrix.shape[1]), np.zeros(matrix.shape[1])
    if isinstance(normalization, Layer):
        return _values(normalization.gain), _values(normalization.offset)
    if isinstance(normalization, (BatchShared, BatchSeparate)):
        mean, variance = normalization.moving_mean, normalization.moving_variance
        scale = _values(normalization.gain) / np.sqrt(_values(variance) + normalization.epsilon)
        return scale, _values(normalization.offset) - _values(mean) * scale
    scale, offset = normalization.fold(np.asarray(matrix, np.float32))
    return np.asarray(scale, np.float64), np.asarray(offset, np.float64)


def gate_parts(values: np.ndarray, gates: int) -> list[np.ndarray]:
    """Return the columns of each gate."""
    return np.split(values, gates, axis=-1)


def _values(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable), np.float64)
