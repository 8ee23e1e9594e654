"""Does the runs that a study of FastGRNN lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.extras import require_modules
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import describe_run, file_digest, origins
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.common.training_environment import training_backend
from tfpipeline.studies.fast_grnn.data import prepare_commands
from tfpipeline.studies.fast_grnn.runs import RunFiles, Training
from tfpipeline.studies.fast_grnn.settings import FULL, QUICK, Settings
from tfpipeline.studies.fast_grnn.work import do_run


class Pool:
    """Rows of runs, each computed once for all studies with the same output folder.

    `STORE` is the file of these rows.

    Args:
        out: that folder.
        quick: takes the quick settings.
        data: a corpus of spoken commands, or None for the synthesized one.
        processes: that train at the same time.
        backend: of Keras, `"jax"` or `"tensorflow"`; None takes JAX where it is installed.
        settings: replaces those of `quick`.

    Raises:
        MissingExtraError: a package is missing that the study would need later.
        StudyError: the folder holds another corpus, or rows found with other settings.
    """

    STORE = "fast_grnn.rows.jsonl"

    def __init__(
        self,
        out: Path,
        *,
        quick: bool,
        data: Path | None,
        processes: int,
        backend: str | None,
        settings: Settings | None = None,
    ) -> None:
        self.backend = training_backend(backend)
        # Not after an hour of training.
        require_modules("keras", self.backend, "matplotlib", "sklearn")
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.settings = settings or (QUICK if quick else FULL)
        self.files = RunFiles(out, self.settings)
        self.corpus = self._prepare(data)
        basis = {
            **installed_versions(),
            "backend": self.backend,
            "corpus": self.corpus,
            "settings": {"commands": self._recipe("commands"), "digits": self._recipe("digits")},
        }
        self._runs = RunPool(out, self.STORE, basis, do_run, self.files, self.backend, processes)
        self.rows = self._runs.rows

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes of the commands."""
        with np.load(self.files.commands) as stored:
            return int(stored["test_x"].shape[2]), len(stored["labels"])

    def _prepare(self, data: Path | None) -> str:
        """Make what the runs read, and return its hash."""
        return file_digest(prepare_commands(self.files, data))

    def _recipe(self, data: str) -> dict[str, Any]:
        """Return what a run's name does not say; which rates are tried only chooses runs."""
        recipe = dataclasses.asdict(getattr(self.settings, data))
        del recipe["rates"]
        return recipe

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

    def about(self, study: str, command: str) -> dict[str, Any]:
        """Return how the rows that were used came about."""
        about = describe_run(
            study,
            command,
            self.settings.seeds,
            {"commands": self.corpus},
            {"backend": self.backend, **dataclasses.asdict(self.settings)},
        )
        about["rows_from"] = origins(self._runs.used)
        return about
