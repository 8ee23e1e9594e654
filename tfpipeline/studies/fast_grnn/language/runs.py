"""The language models of the study, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_names import SeededRun, changed_fields, number_text
from tfpipeline.studies.fast_grnn.language.settings import Settings


@dataclass(frozen=True)
class RunFiles(run_files.RunFiles):
    """Where a run finds the text."""

    settings: Settings

    @property
    def text(self) -> Path:
        return self.folder / "text.npz"


@dataclass(frozen=True)
class LanguageModel(SeededRun):
    """An embedding, recurrent layers as wide as it, and a classifier of the next word, trained.

    Args:
        seed: of the weights and the masks of weight drop.
        cell: see `tfpipeline.studies.fast_grnn.models.LAYERS`.
        units: of the layers.
        rate: highest learning rate.
        layers: recurrent ones.
        rank, recurrent_rank: of their kernels; 0 for plain ones.
        density: share of the kernels that is kept by hard thresholding.
        piecewise: whether gates are the piecewise-linear ones that integers compute.
        weight_decay: of AdamW, on matrices.
        weight_drop: share of recurrent weights that are 0 in a training step.
        ar, tar: strengths of activation regularization and of its temporal form.
    """

    seed: int
    cell: str
    units: int
    rate: float
    layers: int = 1
    rank: int = 0
    recurrent_rank: int = 0
    density: float = 1.0
    piecewise: bool = False
    weight_decay: float = 0.0
    weight_drop: float = 0.0
    ar: float = 0.0
    tar: float = 0.0

    @property
    def setting(self) -> str:
        first = f"text-{self.cell}{self.units}-rate={number_text(self.rate)}"
        return "-".join([first, *changed_fields(self, after="rate", text=number_text)])
