"""Does the runs that a study lacks, in processes with the faster backend."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tfpipeline.extras import require_modules
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.rows import Row, RowStore
from tfpipeline.studies.common.tasks import run_tasks
from tfpipeline.studies.low_rank.corpus import prepare_corpus
from tfpipeline.studies.low_rank.run_task import RunTask, do
from tfpipeline.studies.low_rank.runs import Deployed, Run, RunFiles
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
        backend: of Keras, `"jax"` or `"tensorflow"`; None takes JAX where it is installed, which
            trains these models twice as fast on a CPU.
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
        self.backend = backend or ("jax" if importlib.util.find_spec("jax") else "tensorflow")
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
        self._used: dict[str, Row] = {}
        self._store = RowStore(out / "low_rank.rows.jsonl", ("run",), self.basis)

    def rows(self, runs: Sequence[Run], label: str) -> list[Row]:
        """Return the rows of runs, in their order; those that are missing are computed first."""
        tasks = [RunTask(run, self.files) for run in dict.fromkeys(runs)]
        # Only TensorFlow exports.
        deploys = any(isinstance(run, Deployed) for run in runs)
        wanted = _variables("tensorflow" if deploys else self.backend, self.out / "compiled")
        with _environment(wanted):
            named = tuple(wanted.items())
            run_tasks(tasks, do, self._store, label, self.processes, True, environment=named)
        found = list(self._store.rows([{"run": run.name} for run in runs]))
        self._used.update((row["run"], row) for row in found)
        return found

    def finished(self) -> list[Row]:
        """Return every row that the folder has."""
        return [self._used.setdefault(row["run"], row) for row in self._store.every()]

    @property
    def used(self) -> list[Row]:
        """Every row that was asked for so far, once."""
        return list(self._used.values())


def _variables(backend: str, compiled: Path) -> dict[str, str]:
    """Return what processes that train find in their environment."""
    return {
        "KERAS_BACKEND": backend,
        # As many processes as cores, each with one thread, beat one process with all of them, and
        # the order of additions does not depend on the number of cores.
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        # Runs that differ in their seeds only are one program.
        "JAX_COMPILATION_CACHE_DIR": str(compiled.absolute()),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
