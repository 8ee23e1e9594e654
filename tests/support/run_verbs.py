"""Runs steps one after the other, as the command `tfpipeline` does, where it is started.

    python run_verbs.py STEPS.json

Each step is [NAME, [ARGUMENT, ...]]: a verb with its arguments, or one of the functions below, for
the processes that no verb starts within seconds. Prints {NAME: status} as the last line.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Task:
    """A part of a study: the process that does it says which modules it was given."""

    number: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{"number": self.number}]


def work(task: Task) -> Iterator[dict[str, Any]]:
    import socket
    import tempfile

    import numpy as np

    files = [module.__file__ for module in (socket, tempfile, np)]
    yield {"number": task.number, "files": files, "process": os.getpid()}


def study(folder: str) -> int:
    """Tasks of a study in a process of their own."""
    from tfpipeline.studies.common.rows import RowStore
    from tfpipeline.studies.common.tasks import run_tasks

    tasks = [Task(number) for number in range(2)]
    store = RowStore(Path(folder) / "rows.jsonl", ("number",), {})
    run_tasks(tasks, work, store, "Working", processes=1, fresh=True)
    found = store.rows(task.rows[0] for task in tasks)
    return 0 if all(row["process"] != os.getpid() for row in found) else 1


def other_runtime(model: str, inputs: str) -> int:
    """A file in another Python, here this one: whether it said why it has no tflite-runtime."""
    import numpy as np

    from tfpipeline.studies.export.other_runtime import compare

    (answer,) = compare(sys.executable, [Path(model)], np.load(inputs))
    return 0 if "tflite" in answer or float(answer) < 1e-3 else 1


def bench(module: str) -> int:
    """A measurement in each way in which Keras executes."""
    from tfpipeline.bench.backends import measure_in_each_mode

    return 0 if measure_in_each_mode(module, {}) else 1


def main(steps: str) -> None:
    from tfpipeline.cli.main import main as verb

    own = {"study": study, "other_runtime": other_runtime, "bench": bench}
    found = {}
    for name, arguments in json.loads(Path(steps).read_text()):
        print(f"--- {name}", file=sys.stderr, flush=True)
        found[name] = own[name](*arguments) if name in own else verb([name, *arguments])
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
