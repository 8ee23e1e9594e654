"""The training runs of the low-rank studies, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tfpipeline.studies.common.run_names import FollowingRun, SeededRun, number_text
from tfpipeline.studies.low_rank.settings import Settings
from tfpipeline.studies.speech.run_files import SentenceFiles

KINDS = ("none", "l2", "trace_norm")


@dataclass(frozen=True)
class RunFiles(SentenceFiles):
    """Those of a run of these studies."""

    settings: Settings


@dataclass(frozen=True)
class Stage1(SeededRun):
    """A model trained in full: the first stage, or a plain model to compare with.

    Args:
        seed: of weights and order.
        kind: `"none"` and `"l2"` train plain layers, `"trace_norm"` factored ones.
        nonrec, rec: strengths of the regularizer.
        joint: form of the factored layers.
        width: share of the settings' layer widths.
        uniform: whether all recurrent layers have the same width, with as many parameters.
        sparsity: share of zeros at which gradual pruning aims; None does not prune.
    """

    seed: int
    kind: str = "none"
    nonrec: float = 0.0
    rec: float = 0.0
    joint: str = "partial"
    width: float = 1.0
    uniform: bool = False
    sparsity: float | None = None

    @property
    def setting(self) -> str:
        parts = [self.kind]
        if self.kind != "none":
            parts.append(f"{number_text(self.nonrec)}-{number_text(self.rec)}")
        if self.joint != "partial":
            parts.append(self.joint)
        if self.width != 1:
            parts.append(f"width{number_text(self.width)}")
        if self.uniform:
            parts.append("uniform")
        if self.sparsity is not None:
            parts.append(f"sparse{number_text(self.sparsity)}")
        return "-".join(parts)


@dataclass(frozen=True)
class Stage2(SeededRun):
    """The model of a `Stage1`, cut and trained on without a regularizer.

    Args:
        stage1: whose saved model is cut.
        explained_variance: share of each matrix that is kept; or
        budget: parameters of the cut model, as a share of those of the plain one.
    """

    stage1: Stage1
    explained_variance: float | None = None
    budget: float | None = None

    @property
    def setting(self) -> str:
        if self.budget is None:
            return f"{self.stage1.setting}-cut{number_text(self.explained_variance)}"
        return f"{self.stage1.setting}-budget{number_text(self.budget)}"

    @property
    def origin(self) -> Any:
        return self.stage1


@dataclass(frozen=True)
class TwoStages(SeededRun):
    """Both stages within a fixed number of epochs, under one schedule of the learning rate.

    Args:
        stage1: what the first stage trains.
        epochs: of both stages together.
        transition: epochs of the first one.
        budget: parameters of the cut model, as a share of those of the plain one.
    """

    stage1: Stage1
    epochs: int
    transition: int
    budget: float

    @property
    def setting(self) -> str:
        cut = f"budget{number_text(self.budget)}-transition{self.transition}of{self.epochs}"
        return f"{self.stage1.setting}-{cut}"

    @property
    def origin(self) -> Any:
        return self.stage1


Trained = Stage1 | Stage2 | TwoStages


@dataclass(frozen=True)
class Deployed(FollowingRun):
    """The model of another run as int8 files.

    Args:
        run: which.
    """

    exports: ClassVar[bool] = True

    run: Trained

    @property
    def suffix(self) -> str:
        return "-int8"


Run = Trained | Deployed
