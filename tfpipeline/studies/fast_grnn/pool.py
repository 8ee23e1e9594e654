"""Does the runs that a study of FastGRNN lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.fast_grnn.data import prepare_commands
from tfpipeline.studies.fast_grnn.runs import RunFiles, Training
from tfpipeline.studies.fast_grnn.settings import FULL, QUICK
from tfpipeline.studies.fast_grnn.work import do_run


class Pool(TrainingPool):
    """Trains on spoken commands and digits; see `TrainingPool`."""

    STORE, CORPUS, MODULES = "fast_grnn.rows.jsonl", "commands", ("sklearn",)
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_commands(self.files, data))

    def basis_of_settings(self) -> dict[str, Any]:
        return {name: self._recipe(name) for name in ("commands", "digits")}

    def _recipe(self, data: str) -> dict[str, Any]:
        # Which rates are tried only chooses runs.
        recipe = dataclasses.asdict(getattr(self.settings, data))
        del recipe["rates"]
        return recipe

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes of the commands."""
        with np.load(self.files.commands) as stored:
            return int(stored["test_x"].shape[2]), len(stored["labels"])

    def seeds(self, run: Training) -> list[Training]:
        """Return a run with each seed of the settings."""
        return [dataclasses.replace(run, seed=seed) for seed in self.settings.seeds]

    def searched(self, runs: Sequence[Training], label: str) -> list[list[Training]]:
        """Return each run with all seeds, with the learning rate that suits it.

        Every rate of the recipe is tried with the first seed; the one with the best validation
        accuracy counts.
        """
        trials = [
            [
                dataclasses.replace(run, seed=self.settings.seeds[0], rate=rate)
                for rate in run.recipe(self.settings).rates
            ]
            for run in runs
        ]
        found = {
            row["run"]: row["validation"]
            for row in self.rows([run for trial in trials for run in trial], label)
        }
        best = [max(trial, key=lambda run: found[run.name]) for trial in trials]
        return [self.seeds(run) for run in best]
