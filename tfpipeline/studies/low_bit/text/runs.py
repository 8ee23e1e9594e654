"""The models of characters and of words, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_names import SeededRun
from tfpipeline.studies.low_bit.text.settings import Settings


@dataclass(frozen=True)
class RunFiles(run_files.RunFiles):
    """Where a run finds the text."""

    settings: Settings

    @property
    def text(self) -> Path:
        return self.folder / f"{self.settings.level}s.npz"


@dataclass(frozen=True)
class TextModel(SeededRun):
    """Recurrent layers that read symbols, and a classifier of the next one, trained.

    Args:
        seed: of the weights and of random codes.
        quantizer, normalization: of the layers, by name, or None.
        cell: `"lstm"` or `"gru"`.
        layers: recurrent ones.
    """

    seed: int
    quantizer: str | None
    normalization: str | None
    cell: str = "lstm"
    layers: int = 1

    @property
    def setting(self) -> str:
        weights = f"{self.quantizer or 'float'}-{self.normalization or 'plain'}"
        return f"text-{self.cell}x{self.layers}-{weights}"
