"""The runs of the studies of few bits on pixels, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_names import SeededRun, changed_fields
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
class Training(SeededRun):
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
        first = f"{self.cell}-{self.quantizer or 'float'}-{self.normalization or 'plain'}"
        return "-".join([first, *changed_fields(self, after="cell")])
