"""Models of random bytes, as the C header takes them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from byte_cells import random_cell

from tfpipeline.detection import Detector
from tfpipeline.detection.units import INDEPENDENT
from tfpipeline.microcontroller import InputScaling, IntegerDetector, IntegerModel
from tfpipeline.microcontroller.integer_model import score_unit
from tfpipeline.numerics.byte_cells import ByteWeights, IntegerCell, quantize_bytes


def random_integer_model(
    cell: str,
    features: int = 5,
    units: int = 9,
    ranks: tuple[int | None, int | None] = (None, None),
    *,
    classes: int | None = 3,
    kept: float = 1.0,
    scaled: bool = False,
    detector: Detector | None = None,
    seed: int = 0,
    **options: Any,
) -> IntegerModel:
    """Return a model whose matrices keep the share `kept` of their numbers."""
    weights = quantize_bytes(
        random_cell(cell, features, units, *ranks, classes=classes, spread=0.4, seed=seed)
    )
    rng = np.random.default_rng(seed)
    if kept < 1:
        weights = _sparse(weights, kept, rng)
    scaling = None
    if scaled:
        mean, deviation = rng.normal(size=features), rng.uniform(0.1, 4.0, features)
        scaling = InputScaling.of(mean, deviation, options.get("x_bits", 12), largest=9.0)
    found, integer_cell = None, IntegerCell(weights, **options)
    if detector is not None:
        sigmoid = detector.scores == INDEPENDENT
        unit = score_unit(integer_cell)
        found = IntegerDetector(detector, len(detector.labels), unit, sigmoid)
    return IntegerModel(integer_cell, scaling, found)


def _sparse(weights: ByteWeights, kept: float, rng: np.random.Generator) -> ByteWeights:
    def cut(matrix: np.ndarray) -> np.ndarray:
        return np.where(rng.random(matrix.shape) < kept, matrix, 0).astype(np.int8)

    return dataclasses.replace(
        weights,
        kernel=tuple(map(cut, weights.kernel)),
        recurrent_kernel=tuple(map(cut, weights.recurrent_kernel)),
    )


def random_inputs(model: IntegerModel, steps: int, seed: int = 0) -> np.ndarray:
    """Return `(steps, features)` in int16: usual numbers, and some at the ends."""
    rng = np.random.default_rng(seed)
    shape = (steps, model.cell.weights.features)
    values = rng.normal(scale=0.2 * 2**15, size=shape)
    ends = rng.choice([-(2**15), 2**15 - 1], shape)
    chosen = np.where(rng.random(shape) < 0.1, ends, values)
    return np.clip(np.rint(chosen), -(2**15), 2**15 - 1).astype(np.int16)
