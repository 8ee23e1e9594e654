"""What studies that train have in common: settings, a corpus made once, and rows by run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfpipeline.extras import require_modules
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import describe_run, origins
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.common.run_pool import Run, RunPool
from tfpipeline.studies.common.training_environment import training_backend


class TrainingPool:
    """Rows of runs, each computed once for all studies with the same output folder.

    A family of studies says in a subclass what it trains on, and how.

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

    #: File of the rows, in the folder.
    STORE: ClassVar[str]
    #: What the corpus is called in the description of a study.
    CORPUS: ClassVar[str] = "corpus"
    #: Packages that it needs beside Keras, its backend and matplotlib.
    MODULES: ClassVar[tuple[str, ...]] = ()
    #: Settings, quick and in full: dataclasses with `seeds`.
    QUICK: ClassVar[Any]
    FULL: ClassVar[Any]

    def __init__(
        self,
        out: Path,
        *,
        quick: bool,
        data: Path | None,
        processes: int,
        backend: str | None,
        settings: Any = None,
    ) -> None:
        self.backend = training_backend(backend)
        # Not after an hour of training.
        require_modules("keras", self.backend, "matplotlib", *self.MODULES)
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.settings = settings or (self.QUICK if quick else self.FULL)
        self.files = self.files_in(out)
        self.corpus = self.prepare(data)
        self.basis = {
            **installed_versions(),
            "backend": self.backend,
            "corpus": self.corpus,
            "settings": self.basis_of_settings(),
        }
        self._runs = RunPool(
            out, self.STORE, self.basis, self.work, self.files, self.backend, processes
        )

    def files_in(self, out: Path) -> Any:
        """Return where runs find their data and leave their models; picklable."""
        raise NotImplementedError

    def prepare(self, data: Path | None) -> str:
        """Make what the runs read, once, and return its hash."""
        raise NotImplementedError

    def basis_of_settings(self) -> Mapping[str, Any]:
        """Return the settings that a run's name does not say."""
        raise NotImplementedError

    @staticmethod
    def work(run: Any, files: Any) -> Row:
        """Do a run: a function at the top of a module, as processes call it by name."""
        raise NotImplementedError

    def rows(self, runs: Sequence[Run], label: str) -> list[Row]:
        """Return the rows of runs, in their order; those that are missing are computed first."""
        return self._runs.rows(runs, label)

    def finished(self) -> list[Row]:
        """Return every row that the folder has."""
        return self._runs.finished()

    def about(self, study: str, command: str) -> dict[str, Any]:
        """Return how the rows that were used came about."""
        about = describe_run(
            study,
            command,
            self.settings.seeds,
            {self.CORPUS: self.corpus},
            {"backend": self.backend, **dataclasses.asdict(self.settings)},
        )
        about["rows_from"] = origins(self._runs.used)
        return about
