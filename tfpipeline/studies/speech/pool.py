"""What the pools of studies on spoken sentences share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.speech.corpus import prepare_corpus


class SentencePool(TrainingPool):
    """Trains on spoken sentences; see `TrainingPool`."""

    #: Settings that only choose runs: a run's name says which it is.
    CHOICES: ClassVar[tuple[str, ...]]

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_corpus(self.out, self.settings, data))

    def basis_of_settings(self) -> dict[str, Any]:
        settings = dataclasses.asdict(self.settings)
        return {name: value for name, value in settings.items() if name not in self.CHOICES}
