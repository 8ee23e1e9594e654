"""Runs a measurement once for each way in which Keras can execute, in processes of their own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from tfpipeline.bench.machine import describe_machine
from tfpipeline.bench.source import describe_source
from tfpipeline.worker_process import run_worker, worker_command

# Backend, whether XLA compiles, and what the row is called.
MODES = (
    ("tensorflow", False, "TensorFlow graph"),
    ("tensorflow", True, "TensorFlow XLA"),
    ("jax", True, "JAX"),
)


def measure_in_each_mode(module: str, task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last line of `python -m MODULE --task JSON`, read as JSON, for each mode.

    A mode that cannot be measured is a row too, with its name as `mode` and the reason as
    `problem`: without it a table would look complete.

    Args:
        module: a benchmark whose `--task` takes `task` together with `mode`, the row's name, and
            `xla`, and prints its row as JSON.
        task: what it is to measure.
    """
    return [_measure(module, task, *mode) for mode in MODES]


def _measure(
    module: str, task: dict[str, Any], backend: str, xla: bool, mode: str
) -> dict[str, Any]:
    if find_spec(backend) is None:
        return {"mode": mode, "problem": f"{backend} is not installed", "installed": False}
    given = json.dumps({**task, "mode": mode, "xla": xla})
    result = run_worker(
        worker_command(module, "--task", given),
        KERAS_BACKEND=backend,
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    if result.status:
        said = result.reason or result.end
        return {"mode": mode, "problem": f"the measurement failed: {said}", "installed": True}
    row: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return row


def run_command(
    module: str,
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    case_type: Any,
    row_type: Any,
    measure: Callable[..., Any],
    table: Callable[[Sequence[Any]], str],
) -> int:
    """Run the command line of a benchmark whose every mode has a process of its own.

    Args:
        module: of the benchmark, see `measure_in_each_mode`.
        parser: with an option for each field of the case.
        argv: arguments, those of the process for None.
        case_type, row_type: dataclasses: what is timed, and what comes out.
        measure: `(case, mode, xla, rounds) -> row`, in the process of a mode.
        table: the rows for people.

    Returns:
        The exit status: 1 where a mode that is installed could not be measured; the others are
        shown anyway.
    """
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.task:
        task = json.loads(arguments.task)
        print(json.dumps(asdict(measure(case_type(**task.pop("case")), **task))))
        return 0
    case = {name: getattr(arguments, name) for name in asdict(case_type())}
    found = measure_in_each_mode(module, {"case": case, "rounds": arguments.rounds})
    missing = [row for row in found if "problem" in row]
    failed = any(row["installed"] for row in missing)
    if arguments.json:
        machine = describe_machine().to_dict()
        print(json.dumps({**describe_source(), "machine": machine, "case": case, "rows": found}))
        return int(failed)
    processor = describe_machine().processor
    print(f"{processor}; {case_type(**case)}; least ms of {arguments.rounds} rounds")
    print(table([row_type(**row) for row in found if "problem" not in row]))
    for row in missing:
        print(f"{row['mode']:18}{row['problem']}")
    return int(failed)
