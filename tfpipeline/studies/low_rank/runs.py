"""The training runs of the low-rank studies, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common.rows import StudyError
from tfpipeline.studies.low_rank.settings import Settings

KINDS = ("none", "l2", "trace_norm")


def _text(value: float | None) -> str:
    """Return a number as part of a name: as short as can be, and never that of another number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


@dataclass(frozen=True)
class RunFiles:
    """Where a run finds its data and leaves its model.

    Args:
        folder: of the study.
        settings: see `Settings`.
    """

    folder: Path
    settings: Settings

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus.npz"

    def model(self, name: str) -> Path:
        """Return where the model of a run is saved."""
        return self.folder / "models" / f"{name}.keras"

    def trained(self, name: str) -> Path:
        """Return the saved model of a run that is done.

        Raises:
            StudyError: the row is there, and the model is not.
        """
        path = self.model(name)
        if not path.is_file():
            raise StudyError(
                f"{self.folder} has the row of the run {name!r}, and not its model {path}, which "
                "another run starts from: put it back, or choose another folder with --out"
            )
        return path

    def file(self, name: str) -> Path:
        """Return where the file of a run is exported; the fused one is beside it."""
        return self.folder / "models" / f"{name}.tflite"


@dataclass(frozen=True)
class Stage1:
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
        """The name without the seed."""
        parts = [self.kind]
        if self.kind != "none":
            parts.append(f"{_text(self.nonrec)}-{_text(self.rec)}")
        if self.joint != "partial":
            parts.append(self.joint)
        if self.width != 1:
            parts.append(f"width{_text(self.width)}")
        if self.uniform:
            parts.append("uniform")
        if self.sparsity is not None:
            parts.append(f"sparse{_text(self.sparsity)}")
        return "-".join(parts)

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.seed}"


@dataclass(frozen=True)
class Stage2:
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
            return f"{self.stage1.setting}-cut{_text(self.explained_variance)}"
        return f"{self.stage1.setting}-budget{_text(self.budget)}"

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.stage1.seed}"


@dataclass(frozen=True)
class TwoStages:
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
        cut = f"budget{_text(self.budget)}-transition{self.transition}of{self.epochs}"
        return f"{self.stage1.setting}-{cut}"

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.stage1.seed}"


Trained = Stage1 | Stage2 | TwoStages


@dataclass(frozen=True)
class Deployed:
    """The model of another run as int8 files.

    Args:
        run: which.
    """

    run: Trained

    @property
    def setting(self) -> str:
        return f"{self.run.setting}-int8"

    @property
    def name(self) -> str:
        return f"{self.run.name}-int8"


Run = Trained | Deployed
