"""The work of a study: tasks that give rows, done once, in one process or several."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from typing import Any, Protocol

from tfpipeline.progress import progress
from tfpipeline.studies.common.processes import kept_processes
from tfpipeline.studies.common.rows import Row, RowStore
from tfpipeline.worker_process import spawning


class Task(Protocol):
    """A part of a study; it must be picklable."""

    @property
    def rows(self) -> Sequence[Row]:
        """The keys of the rows that it gives."""


def run_tasks(
    tasks: Iterable[Any],
    work: Callable[[Any], Iterable[Row]],
    store: RowStore,
    label: str,
    processes: int = 1,
    fresh: bool = False,
    environment: Hashable = None,
) -> None:
    """Do the tasks that have rows missing in `store`, and add their rows.

    Args:
        tasks: See `Task`.
        work: A function at the top of a module: from a task to its rows.
        store: Where rows go as soon as they are there.
        label: Of the progress bar.
        processes: With more than one, tasks run in processes of their own.
        fresh: Even a single one does, for tasks whose environment must differ.
        environment: What the environment of these processes is called; they are kept for the next
            tasks with the same. None ends them.
    """
    missing = [task for task in tasks if any(row not in store for row in task.rows)]
    if not missing:
        return
    with progress(label, len(missing)) as bar:
        if processes == 1 and not fresh:
            for task in missing:
                _keep(store, work(task))
                bar.advance()
            return
        if environment is not None:
            with kept_processes(processes, environment) as pool:
                _do_all(pool, missing, work, store, bar.advance)
            return
        # Forked copies of a process that runs TensorFlow hang: start fresh ones.
        with spawning() as context, ProcessPoolExecutor(processes, mp_context=context) as pool:
            _do_all(pool, missing, work, store, bar.advance)


def _do_all(
    pool: Executor,
    tasks: Sequence[Any],
    work: Callable[[Any], Iterable[Row]],
    store: RowStore,
    advance: Callable[[], None],
) -> None:
    for done in as_completed([pool.submit(_do, work, task) for task in tasks]):
        _keep(store, done.result())
        advance()


def _do(work: Callable[[Any], Iterable[Row]], task: Any) -> list[Row]:
    """All rows of a task: a generator cannot travel between processes."""
    return list(work(task))


def _keep(store: RowStore, rows: Iterable[Row]) -> None:
    for row in rows:
        store.add(row)
