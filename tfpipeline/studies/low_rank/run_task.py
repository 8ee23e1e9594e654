"""A training run, or an export, as a task of the processes that work for a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfpipeline.bench import describe_machine, describe_source
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.low_rank.runs import Deployed, Run, RunFiles


@dataclass(frozen=True)
class RunTask:
    """A run as a task of `run_tasks`."""

    run: Run
    files: RunFiles

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
    found: dict[str, Any]
    if isinstance(task.run, Deployed):
        from tfpipeline.studies.low_rank.deployment import deploy_run

        found = deploy_run(task.run, task.files)
    else:
        from tfpipeline.studies.low_rank.training import train_run

        found = train_run(task.run, task.files)
    return [{"run": task.run.name, "setting": task.run.setting, **found, **source}]
