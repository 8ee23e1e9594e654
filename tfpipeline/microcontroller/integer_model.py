"""A cell, the scaling in front of it, the scores behind it: all that a header computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfpipeline.microcontroller.input_scaling import InputScaling
from tfpipeline.microcontroller.integer_detector import IntegerDetector
from tfpipeline.numerics.byte_cells import IntegerCell
from tfpipeline.numerics.byte_cells.fixed_point import IntArray


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """The executable specification of the C that `header_text` writes: bit for bit the same.

    Args:
        cell: the recurrent step, and the classifier in its weights.
        scaling: what a `Normalization` in front became; None without one.
        detector: what finds words in the scores; None without one.

    Raises:
        ValueError: there is a detector, and no classifier.
    """

    cell: IntegerCell
    scaling: InputScaling | None = None
    detector: IntegerDetector | None = None

    def __post_init__(self) -> None:
        if self.detector is not None and not self.classes:
            raise ValueError("a detector needs the scores of a classifier; add a Dense layer.")

    @property
    def classes(self) -> int:
        """How many scores there are; 0 without a classifier."""
        bias = self.cell.weights.classifier_bias
        return 0 if bias is None else len(bias)

    @property
    def score_unit(self) -> float:
        """A score stands for itself over this."""
        return score_unit(self.cell)

    @property
    def state_bytes(self) -> int:
        """Bytes of RAM that the caller keeps from step to step."""
        own = 0 if self.detector is None else self.detector.ram_bytes
        return 2 * self.cell.weights.units + own

    def inputs(self, values: ArrayLike) -> IntArray:
        """Return numbers as the int16 that the C step reads, behind the scaling if there is one."""
        if self.scaling is None:
            return self.cell.to_input(values)
        return self.scaling(self.scaling.to_raw(values))

    def states(self, values: ArrayLike) -> IntArray:
        """Return the state behind every step, `(batch, time, units)` in int16.

        Args:
            values: `(batch, time, features)` in floating point, as the Keras model reads them.
        """
        return self.cell.sequence(self.inputs(values))

    def scores(self, states: IntArray) -> IntArray:
        """Return the scores of states, int32 of the same leading axes."""
        flat = self.cell.scores(states.reshape(-1, states.shape[-1]))
        return flat.reshape(*states.shape[:-1], -1)

    def outputs(self, states: IntArray) -> np.ndarray:
        """Return states as numbers: their scores, or without a classifier themselves."""
        if not self.classes:
            return self.cell.to_float(states)
        return np.asarray(self.scores(states) / self.score_unit)


def score_unit(cell: IntegerCell) -> float:
    """Return what a classifier's score is divided by."""
    return float(cell.weights.classifier_scale * 2**cell.state_bits)
