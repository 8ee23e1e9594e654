"""Does the runs that a study lacks, in processes with the faster backend."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfpipeline.extras import require_modules
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.common.training_environment import training_backend
from tfpipeline.studies.low_rank.corpus import prepare_corpus
from tfpipeline.studies.low_rank.run_task import do_run
from tfpipeline.studies.low_rank.runs import RunFiles
from tfpipeline.studies.low_rank.settings import FULL, QUICK, Settings

# What only chooses runs: a run's name says which it is.
_CHOICES = (
    *("seeds", "trace_norm", "l2", "trace_norm_alone", "l2_alone", "budgets"),
    *("explained_variances", "transitions", "transition_plans", "sparsities", "widths", "small_l2"),
)


class Pool:
    """Rows of training runs, each computed once for all studies with the same output folder.

    Args:
        out: that folder.
        quick: takes the quick settings.
        data: a corpus, or None for the synthesized one.
        processes: that train at the same time.
        backend: of Keras, `"jax"` or `"tensorflow"`; None takes JAX where it is installed.
        settings: replaces those of `quick`.

    Raises:
        MissingExtraError: a package is missing that the study would need later.
        StudyError: the folder holds another corpus, or rows found with other settings.
    """

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
        require_modules("keras", self.backend, "matplotlib")
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.settings = settings or (QUICK if quick else FULL)
        self.processes = processes
        self.files = RunFiles(out, self.settings)
        corpus = prepare_corpus(out, self.settings, data)
        self.corpus = file_digest(corpus)
        self.basis = {
            **installed_versions(),
            "backend": self.backend,
            "corpus": self.corpus,
            "settings": {
                name: value
                for name, value in dataclasses.asdict(self.settings).items()
                if name not in _CHOICES
            },
        }
        self._runs = RunPool(
            out, "low_rank.rows.jsonl", self.basis, do_run, self.files, self.backend, processes
        )
        self.rows, self.finished = self._runs.rows, self._runs.finished

    @property
    def used(self) -> list[Row]:
        """Every row that was asked for so far, once."""
        return self._runs.used
