"""Tasks of a study that write down that they were done.

A module of its own: the processes of a study import it, and they do not look into the folder in
which they are started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common.rows import Row


@dataclass(frozen=True)
class LoggedTask:
    """A task of two rows; the second fails where its folder has a file `fails`."""

    name: str
    folder: Path

    @property
    def rows(self) -> list[Row]:
        return [{"name": self.name, "part": part} for part in (0, 1)]


def work(task: LoggedTask) -> Iterator[Row]:
    """Adds the task's name to the file `log`, and gives its rows."""
    with (task.folder / "log").open("a") as log:
        log.write(task.name)
    for row in task.rows:
        if (task.folder / "fails").exists() and row["part"]:
            raise RuntimeError("interrupted")
        yield {**row, "value": task.name * 2, "process": os.getpid()}
