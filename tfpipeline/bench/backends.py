"""Runs a measurement once for each way in which Keras can execute, in processes of their own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from tfpipeline.bench.machine import describe_machine
from tfpipeline.bench.source import describe_source
from tfpipeline.errors import TfpipelineError

# Backend, whether XLA compiles, and what the row is called.
MODES = (
    ("tensorflow", False, "TensorFlow graph"),
    ("tensorflow", True, "TensorFlow XLA"),
    ("jax", True, "JAX"),
)


class BackendBenchError(TfpipelineError):
    """A measurement that did not come back."""


def measure_in_each_mode(module: str, task: dict[str, Any]) -> list[dict[str, Any]]:
    """The last line of `python -m MODULE --task JSON`, read as JSON, for each mode.

    Args:
        module: a benchmark whose `--task` takes `task` together with `mode`, the row's name, and
            `xla`, and prints its row as JSON.
        task: what it is to measure.

    Raises:
        BackendBenchError: a process failed.
    """
    rows = []
    for backend, xla, mode in MODES:
        if find_spec(backend) is None:
            continue
        given = json.dumps({**task, "mode": mode, "xla": xla})
        result = subprocess.run(
            [sys.executable, "-m", module, "--task", given],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            said = result.stderr.strip().splitlines()[-1:] or [f"status {result.returncode}"]
            raise BackendBenchError(f"{mode}: the measurement failed: {said[0]}")
        rows.append(json.loads(result.stdout.splitlines()[-1]))
    return rows


def run_command(
    module: str,
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    case_type: Any,
    row_type: Any,
    measure: Callable[..., Any],
    table: Callable[[Sequence[Any]], str],
) -> int:
    """The command line of a benchmark whose every mode has a process of its own.

    Args:
        module: of the benchmark, see `measure_in_each_mode`.
        parser: with an option for each field of the case.
        argv: arguments, those of the process for None.
        case_type, row_type: dataclasses: what is timed, and what comes out.
        measure: `(case, mode, xla, rounds) -> row`, in the process of a mode.
        table: the rows for people.
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
    try:
        found = measure_in_each_mode(module, {"case": case, "rounds": arguments.rounds})
    except BackendBenchError as error:
        parser.error(str(error))
    if arguments.json:
        machine = describe_machine().to_dict()
        print(json.dumps({**describe_source(), "machine": machine, "case": case, "rows": found}))
        return 0
    processor = describe_machine().processor
    print(f"{processor}; {case_type(**case)}; least ms of {arguments.rounds} rounds")
    print(table([row_type(**row) for row in found]))
    return 0
