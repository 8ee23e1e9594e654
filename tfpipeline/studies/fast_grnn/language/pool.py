"""Does the runs that the study of language models lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.fast_grnn.language.data import prepare_text
from tfpipeline.studies.fast_grnn.language.runs import LanguageModel, RunFiles
from tfpipeline.studies.fast_grnn.language.settings import FULL, QUICK
from tfpipeline.studies.fast_grnn.language.work import do_run


class Pool(TrainingPool):
    """Trains on a text; see `TrainingPool`."""

    STORE, CORPUS = "language_model.rows.jsonl", "text"
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_text(self.files, data))

    def basis_of_settings(self) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in ("batch_size", "steps", "epochs")}

    def seeds(self, run: LanguageModel) -> list[LanguageModel]:
        """Return a run with each seed of the settings."""
        return [dataclasses.replace(run, seed=seed) for seed in self.settings.seeds]

    def best(
        self, tried: Mapping[str, Sequence[LanguageModel]], label: str
    ) -> dict[str, LanguageModel]:
        """Return of each model the trial with the lowest perplexity on validation text."""
        runs = [run for trials in tried.values() for run in trials]
        found = {row["run"]: row["validation"] for row in self.rows(runs, label)}
        return {
            model: min(trials, key=lambda run: found[run.name]) for model, trials in tried.items()
        }
