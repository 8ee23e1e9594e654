"""Does the runs that a study of embeddings lacks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.embeddings.data import prepare_sentences
from tfpipeline.studies.embeddings.runs import RunFiles, Training
from tfpipeline.studies.embeddings.settings import FULL, QUICK
from tfpipeline.studies.embeddings.work import do_run


class Pool(TrainingPool):
    """Trains on sentences; see `TrainingPool`."""

    STORE, CORPUS = "embeddings.rows.jsonl", "sentences"
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_sentences(self.files, None if data is None else str(data)))

    def basis_of_settings(self) -> dict[str, Any]:
        names = (
            *("train", "tested", "vocabulary", "steps", "width", "units", "hidden", "dropout"),
            *("batch_size", "rate", "contexts", "removed", "bits"),
        )
        return {name: getattr(self.settings, name) for name in names}

    def seeds(self, run: Training) -> list[Training]:
        """Return a run with each seed of the settings."""
        return [dataclasses.replace(run, seed=seed) for seed in self.settings.seeds]
