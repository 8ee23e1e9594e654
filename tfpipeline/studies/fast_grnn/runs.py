"""The runs of the studies of FastGRNN, by name. Light: they travel between processes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfpipeline.studies.common import run_files
from tfpipeline.studies.common.run_names import FollowingRun, SeededRun, changed_fields
from tfpipeline.studies.fast_grnn.settings import Recipe, Settings

COMMANDS, DIGITS = "commands", "digits"
# Options of a layer with two bits a weight.
TERNARY = (("weight_quantizer", "TerConnect"), ("normalization", "weight"))


@dataclass(frozen=True)
class RunFiles(run_files.RunFiles):
    """Where a run finds its data and leaves its model."""

    settings: Settings

    @property
    def commands(self) -> Path:
        return self.folder / "commands.npz"

    def stock_step(self, run: Training) -> Path:
        """Return the stock converter's file of one step of a GRU as wide as a run's."""
        return self.folder / "models" / f"stock-step-{run.cell}{run.units}" / "stock.stream.tflite"


@dataclass(frozen=True)
class Training(SeededRun):
    """A model with one recurrent layer and a classifier, trained.

    Args:
        seed: of weights, order and augmentation.
        cell: see `models.LAYERS`.
        units: of the layer.
        data: `"commands"` or `"digits"`.
        stacked: steps of the data that are laid side by side as one.
        rank, recurrent_rank: of the kernels; 0 for plain ones, -1 for factors of full rank.
        density, recurrent_density: shares of them that are kept by hard thresholding.
        block: of the thresholding, `(outputs, inputs)`; None for single weights.
        piecewise: whether gates are the piecewise-linear ones that integers compute.
        options: further ones of the layer, as pairs.
        trace_norm: strength of the trace norm on both kernels.
        random_start: whether sequences begin with states from N(0, 1) while training.
        epochs: 0 for those of the recipe.
        rate: learning rate; 0 for that of the recipe.
    """

    seed: int
    cell: str
    units: int
    data: str = COMMANDS
    stacked: int = 1
    rank: int = 0
    recurrent_rank: int = 0
    density: float = 1.0
    recurrent_density: float = 1.0
    block: tuple[int, int] | None = None
    piecewise: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    trace_norm: float = 0.0
    random_start: bool = False
    epochs: int = 0
    rate: float = 0.0

    @property
    def setting(self) -> str:
        parts = [self.data, f"{self.cell}{self.units}", *changed_fields(self, after="data")]
        return "-".join(parts)

    @property
    def ternary(self) -> bool:
        """Whether its weights have two bits."""
        return "weight_quantizer" in dict(self.options)

    def recipe(self, settings: Settings) -> Recipe:
        """Return how it is trained."""
        recipe: Recipe = getattr(settings, self.data)
        return dataclasses.replace(
            recipe, epochs=self.epochs or recipe.epochs, rate=self.rate or recipe.rate
        )


@dataclass(frozen=True)
class Cut(SeededRun):
    """The model of another run, cut by its singular values, and trained on without a penalty.

    Args:
        run: which; its kernels are factors of full rank.
        params: of the cut model at most.
        epochs: after the cut.
        ternary: whether its factors are ternary from then on, and its products normalized.
    """

    run: Training
    params: int
    epochs: int
    ternary: bool = False

    @property
    def setting(self) -> str:
        kind = "-ternary" if self.ternary else ""
        return f"{self.run.setting}-cut{self.params}-epochs={self.epochs}{kind}"

    @property
    def origin(self) -> Any:
        return self.run


@dataclass(frozen=True)
class Deployed(FollowingRun):
    """The model of a training as int8 files of whole sequences; ternary weights stay ternary.

    Args:
        run: which.
        stock: whether by TensorFlow's converter instead of ours: dynamic-range int8.
    """

    exports: ClassVar[bool] = True

    run: Training | Cut
    stock: bool = False

    @property
    def suffix(self) -> str:
        return "-stock" if self.stock else "-int8"


@dataclass(frozen=True)
class FirstStates(FollowingRun):
    """The accuracy of a trained model that begins with random states, N(0, 1) each.

    Args:
        run: which.
        draws: of states, each for all sequences.
    """

    run: Training
    draws: int = 3

    @property
    def suffix(self) -> str:
        return f"-h0x{self.draws}"


Run = Training | Cut | Deployed | FirstStates
