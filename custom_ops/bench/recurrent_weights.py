"""The weights of recurrent layers that every contender gets, and what NumPy makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_float import sequence_float


@dataclass(frozen=True)
class LayerWeights:
    """A plain GRU (`reset_after`) or LSTM in integers with a scale a row.

    Args:
        cell: Key of `CELLS`.
        kernel: `(gates * units, features)`, the gates in the order of the cell.
        recurrent: `(gates * units, units)`.
        kernel_scales, recurrent_scales: float32 `(gates * units,)`.
        bias: float32 `(stored rows, gates * units)`.
    """

    cell: str
    kernel: np.ndarray
    recurrent: np.ndarray
    kernel_scales: np.ndarray
    recurrent_scales: np.ndarray
    bias: np.ndarray

    @property
    def units(self) -> int:
        return int(self.recurrent.shape[1])

    @property
    def features(self) -> int:
        return int(self.kernel.shape[1])

    def real_kernel(self) -> np.ndarray:
        """Return the kernel in float32, `(gates * units, features)`."""
        return self.kernel * self.kernel_scales[:, None]

    def real_recurrent(self) -> np.ndarray:
        """Return the recurrent kernel in float32, `(gates * units, units)`."""
        return self.recurrent * self.recurrent_scales[:, None]

    def rows_in(self, order: str) -> np.ndarray:
        """Return the numbers of the rows with the gates in another order.

        Args:
            order: The letters of the gates, such as `"iofc"`.
        """
        names = [gate.name for gate in CELLS[self.cell].gates]
        starts = [names.index(letter) * self.units for letter in order]
        return np.concatenate([np.arange(start, start + self.units) for start in starts])


def draw_weights(cell: str, units: int, features: int, seed: int, bits: int = 8) -> LayerWeights:
    """Return random weights whose sums stay where the gates are not saturated.

    Args:
        cell: Key of `CELLS`.
        units, features: Sizes.
        seed: Of the weights.
        bits: Width of the integers, 8, 4 or 2; those of 2 are ternary.
    """
    rng = np.random.default_rng(seed)
    rows = CELLS[cell].rows(units)
    high = 2 ** (bits - 1) - 1

    def matrix(depth: int) -> tuple[np.ndarray, np.ndarray]:
        values = rng.integers(-high, high + 1, (rows, depth)).astype(np.int8)
        return values, np.full(rows, 1.5 / (high * np.sqrt(depth)), np.float32)

    kernel, kernel_scales = matrix(features)
    recurrent, recurrent_scales = matrix(units)
    shape = (CELLS[cell].stored_rows, rows)
    bias = np.float32(0.1) * rng.standard_normal(shape).astype(np.float32)
    return LayerWeights(cell, kernel, recurrent, kernel_scales, recurrent_scales, bias)


def run_in_numpy(stack: Sequence[LayerWeights], x: np.ndarray) -> np.ndarray:
    """Return what the layers give in float64.

    Args:
        stack: The layers, the first one first.
        x: `(frames, features)`.

    Returns:
        `(frames, units)` of the last layer.
    """
    values = x[None]
    for layer in stack:
        kernels = ((layer.real_kernel().T,), (layer.real_recurrent().T,))
        values, _, _ = sequence_float(CELLS[layer.cell], values, None, *kernels, layer.bias)
    return np.asarray(values[0])
