"""The runs of the studies of few bits on pixels, by name. Light: they travel between processes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_files import number_text
from tfpipeline.studies.low_bit.settings import Settings

SEQUENTIAL, PERMUTED = "sequential", "permuted"


@dataclass(frozen=True)
class RunFiles(run_files.RunFiles):
    """Where a run finds the pictures."""

    settings: Settings

    @property
    def pixels(self) -> Path:
        return self.folder / "pixels.npz"


@dataclass(frozen=True)
class Training:
    """A recurrent layer that reads a picture pixel by pixel, and a classifier, trained.

    Args:
        seed: of weights, order and random codes.
        quantizer, normalization: of the layer, by name, or None.
        cell: see `models.LAYERS`.
        order: of the pixels, `"sequential"` or `"permuted"`, the same for all pictures.
        border: whether the pixels at the border of a picture are read.
        gain: what the gains of the normalization start from; None for its default, `"uniform"` for
            draws from 0 to 1.
        normalize_cell: whether the output of an LSTM sees its state normalized, as in SBN and STN.
    """

    exports: ClassVar[bool] = False

    seed: int
    quantizer: str | None
    normalization: str | None
    cell: str = "lstm"
    order: str = SEQUENTIAL
    border: bool = True
    gain: float | str | None = None
    normalize_cell: bool = False

    @property
    def setting(self) -> str:
        """The name without the seed: what differs from the defaults."""
        parts = [f"{self.cell}-{self.quantizer or 'float'}-{self.normalization or 'plain'}"]
        for entry in dataclasses.fields(self)[4:]:
            value = getattr(self, entry.name)
            if value != entry.default:
                text = number_text(value) if isinstance(value, float) else str(value)
                parts.append(f"{entry.name}={text}")
        return "-".join(parts)

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.seed}"
