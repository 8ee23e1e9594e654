"""The runs of the studies of embeddings, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_names import FollowingRun, SeededRun, number_text
from tfpipeline.studies.embeddings.settings import DEFAULT_SCHEDULE, Settings

WHOLE, RANDOM = "whole", "random"
RANK, PRUNE, CLUSTER = "rank", "prune", "cluster"


@dataclass(frozen=True)
class RunFiles(run_files.RunFiles):
    """Where a run finds the sentences and leaves its model."""

    settings: Settings

    @property
    def sentences(self) -> Path:
        return self.folder / "sentences.npz"


@dataclass(frozen=True)
class Training(SeededRun):
    """A classifier of sentences, trained from word vectors or from random ones.

    Args:
        seed: of weights and order.
        model: `"lstm"` or `"dan"`.
        epochs: how many.
        start: of the table: `"whole"` for word vectors as they are, `"random"` for none, or a
            method of `compress.project_embedding`.
        reduction: share of the width that the method leaves out.
        schedule: of the learning rate; see `schedules`.
        rate: highest learning rate; 0 for that of the settings.
        parts: of an epoch, after each of which the validation accuracy is taken.
    """

    seed: int
    model: str
    epochs: int
    start: str = WHOLE
    reduction: float = 0.0
    schedule: str = DEFAULT_SCHEDULE
    rate: float = 0.0
    parts: int = 1

    @property
    def setting(self) -> str:
        parts = [self.model, f"epochs={self.epochs}", self.start, number_text(self.reduction)]
        parts += [self.schedule, number_text(self.rate), f"parts={self.parts}"]
        return "-".join(parts)


@dataclass(frozen=True)
class Smaller(SeededRun):
    """The model of another run, its table made smaller, and trained on.

    Args:
        run: which.
        cuts: what is done, one after the other: `"rank"` with the share of the table that goes,
            `"prune"` or `"cluster"` with the share of the rows that stay.
        epochs: after that.
        parts: see `Training`.
    """

    run: Training
    cuts: tuple[tuple[str, float], ...]
    epochs: int
    parts: int = 1

    @property
    def setting(self) -> str:
        cuts = "-".join(f"{kind}{number_text(amount)}" for kind, amount in self.cuts)
        return f"{self.run.setting}-{cuts}-epochs={self.epochs}-parts={self.parts}"

    @property
    def origin(self) -> Any:
        return self.run


@dataclass(frozen=True)
class Deployed(FollowingRun):
    """The model of a run as files, one in each mode.

    Args:
        run: which.
        folded: whether its second factor is multiplied into the next layer before.
    """

    exports: ClassVar[bool] = True

    run: Training | Smaller
    folded: bool = False

    @property
    def suffix(self) -> str:
        return "-folded" if self.folded else "-files"


Run = Training | Smaller | Deployed
