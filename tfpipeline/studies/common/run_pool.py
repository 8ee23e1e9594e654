"""Does the runs that a study lacks, in processes with the faster backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tfpipeline.bench import describe_machine, describe_source
from tfpipeline.studies.common.rows import Row, RowStore
from tfpipeline.studies.common.tasks import run_tasks
from tfpipeline.studies.common.training_environment import environment, training_variables


class Run(Protocol):
    """A training run, or an export of one, that says everything about itself; picklable.

    Only TensorFlow exports, so a run says whether it does.
    """

    exports: ClassVar[bool]

    @property
    def setting(self) -> str:
        """Everything but the seed."""

    @property
    def name(self) -> str:
        """The setting and the seed: no two runs have the same."""


@dataclass(frozen=True)
class RunTask:
    """A run as a task of `run_tasks`.

    Args:
        run: what is done.
        work: by which function, at the top of a module: from a run and `files` to a row.
        files: where a run finds its data and leaves its model.
    """

    run: Run
    work: Callable[[Any, Any], Row]
    files: Any

    @property
    def rows(self) -> list[Row]:
        return [{"run": self.run.name}]


def do(task: RunTask) -> list[Row]:
    """Do a run; at the top of a module, because processes call it by name.

    Returns:
        One row. It says which commit and which processor it comes from: a study that was
        interrupted may go on with another.
    """
    # Before the work, which takes longer than an edit of the code.
    source = {**describe_source(), "processor": describe_machine().processor}
    found = task.work(task.run, task.files)
    return [{"run": task.run.name, "setting": task.run.setting, **found, **source}]


@dataclass
class RunPool:
    """Rows of runs, each computed once for all studies with the same output folder.

    Args:
        out: that folder.
        store: name of the file of rows in it.
        basis: what all rows have in common; see `RowStore`.
        work: see `RunTask`.
        files: see `RunTask`.
        backend: of Keras, where it trains.
        processes: that work at the same time.

    Raises:
        StudyError: the folder holds rows found with another basis.
    """

    out: Path
    store: str
    basis: Mapping[str, Any]
    work: Callable[[Any, Any], Row]
    files: Any
    backend: str
    processes: int
    _used: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._store = RowStore(self.out / self.store, ("run",), self.basis)

    def rows(self, runs: Sequence[Run], label: str) -> list[Row]:
        """Return the rows of runs, in their order; those that are missing are computed first."""
        tasks = [RunTask(run, self.work, self.files) for run in dict.fromkeys(runs)]
        backend = "tensorflow" if any(run.exports for run in runs) else self.backend
        wanted = training_variables(backend, self.out / "compiled")
        with environment(wanted):
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
