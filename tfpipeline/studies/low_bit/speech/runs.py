"""The recognizers of the study, by name. Light: they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfpipeline.studies.common.run_names import number_text
from tfpipeline.studies.low_bit.speech.settings import Settings
from tfpipeline.studies.speech.run_files import SentenceFiles


@dataclass(frozen=True)
class RunFiles(SentenceFiles):
    """Those of a run of these studies."""

    settings: Settings


@dataclass(frozen=True)
class Recognizer:
    """Convolutions, recurrent layers and a dense one that spell what is said, trained with CTC.

    Args:
        seed: of weights and order.
        quantizer, normalization: of the recurrent layers, by name, or None.
        rate: highest learning rate.
    """

    exports: ClassVar[bool] = False

    seed: int
    quantizer: str | None
    normalization: str | None
    rate: float

    @property
    def setting(self) -> str:
        """The name without the seed."""
        weights = f"{self.quantizer or 'float'}-{self.normalization or 'plain'}"
        return f"speech-{weights}-rate{number_text(self.rate)}"

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.seed}"


@dataclass(frozen=True)
class Deployed:
    """Files of a trained recognizer.

    Args:
        run: that was trained.
        mode: of `tfpipeline.export.export`.
    """

    exports: ClassVar[bool] = True

    run: Recognizer
    mode: str

    @property
    def setting(self) -> str:
        return f"{self.run.setting}-{self.mode}"

    @property
    def name(self) -> str:
        return f"{self.run.name}-{self.mode}"
