"""The models whose steps are counted: random bytes in the shape of published ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.detection import Detector
from tfpipeline.microcontroller import IntegerDetector, IntegerModel
from tfpipeline.microcontroller.integer_model import score_unit
from tfpipeline.numerics.byte_cells import ByteWeights, IntegerCell

_WINDOW = 10


@dataclass(frozen=True)
class Subject:
    """A shape.

    Args:
        name: in the table.
        features, units, classes: widths.
        ranks: of W and U; None for plain matrices.
        kept: share of the numbers of W and U that are not 0.
        steps: of an utterance.
    """

    name: str
    features: int = 32
    units: int = 100
    ranks: tuple[int, int] | None = (16, 25)
    classes: int = 12
    kept: float = 1.0
    steps: int = 99

    def model(self) -> IntegerModel:
        """Return it with random bytes: what a step takes hardly depends on them."""
        rng = np.random.default_rng(0)

        def matrices(rows: int, rank: int | None) -> tuple[np.ndarray, ...]:
            if rank is None:
                return (_bytes(rng, (rows, self.units), self.kept),)
            return (
                _bytes(rng, (rows, rank), self.kept),
                _bytes(rng, (rank, self.units), self.kept),
            )

        of_x, of_h = self.ranks or (None, None)
        cell = IntegerCell(
            ByteWeights(
                cell="fast_grnn",
                kernel=matrices(self.features, of_x),
                recurrent_kernel=matrices(self.units, of_h),
                bias=_bytes(rng, (2, self.units)),
                classifier=_bytes(rng, (self.units, self.classes)),
                classifier_bias=_bytes(rng, (self.classes,)),
                scale=127,
                scalars={"zeta": 731, "nu": 18},
            )
        )
        detector = Detector([f"word {i}" for i in range(self.classes)], window=_WINDOW)
        found = IntegerDetector(detector, self.classes, score_unit(cell))
        return IntegerModel(cell, detector=found)

    def inputs(self, steps: int) -> np.ndarray:
        """Return `(steps, features)` in int16."""
        rng = np.random.default_rng(1)
        return rng.integers(-(2**14), 2**14, (steps, self.features)).astype(np.int16)


SUBJECTS = (
    Subject("Google-12, low rank, dense bytes"),
    Subject("Google-12, low rank, 30 % kept (lsq)", kept=0.3),
    Subject("Google-12, full rank, dense bytes", ranks=None),
)


def _bytes(rng: np.random.Generator, shape: tuple[int, ...], kept: float = 1.0) -> np.ndarray:
    numbers = rng.integers(1, 128, shape) * rng.choice([-1, 1], shape)
    return np.where(rng.random(shape) < kept, numbers, 0).astype(np.int8)
