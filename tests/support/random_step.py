"""A recurrent layer of any cell with random weights, as the exporter reads it from a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from cell_twins import EXAMPLES

from tfpipeline.export.recurrent.observe import observe
from tfpipeline.export.recurrent.quantize import RecurrentPlan, quantize
from tfpipeline.numerics.cells import CELLS
from tfpipeline.protocol import RecurrentStep

Matrices = tuple[np.ndarray, ...]


def random_step(
    cell: str,
    units: int,
    features: int,
    rank: int | None = None,
    *,
    seed: int = 0,
    kernel_size: float = 0.8,
    recurrent_size: float = 0.7,
    **options: Any,
) -> RecurrentStep:
    """Return a layer with normal weights of the given sizes, and biases of half of one.

    `options` are further fields of `RecurrentStep`, or in place of the random ones.
    """
    rng, kind = np.random.default_rng(seed), CELLS[cell]
    columns = kind.rows(units)

    def matrices(rows: int, size: float) -> Matrices:
        if rank is None:
            return ((size * rng.normal(size=(rows, columns))).astype(np.float32),)
        left, right = rng.normal(size=(rows, rank)), rng.normal(size=(rank, columns))
        return left.astype(np.float32), (size / np.sqrt(rank) * right).astype(np.float32)

    functions = {gate.function for gate in kind.gates}
    attributes = {**kind.requires, **{name: EXAMPLES[name] for name in kind.parameters}}
    given: dict[str, Any] = {
        "kernel": matrices(features, kernel_size),
        "recurrent_kernel": matrices(units, recurrent_size) if kind.recurrent else (),
        "bias": (0.5 * rng.normal(size=(kind.stored_rows, columns))).astype(np.float32),
        "return_sequences": True,
        "go_backwards": False,
        "attributes": attributes,
        "activation": "tanh",
        "recurrent_activation": "sigmoid" if "sigmoid" in functions else None,
        **options,
    }
    return RecurrentStep(
        cell=cell,
        units=units,
        return_state=False,
        stateful=False,
        **given,
    )


def quantized(
    step: RecurrentStep, x: np.ndarray, bits: int = 8
) -> tuple[RecurrentPlan, np.ndarray]:
    """Return a layer quantized from its input on calibration data, and its float output."""
    seen, output = observe(step, x, bits)
    return quantize("layer", step, seen), output
