"""Runs a measurement once for each way in which Keras can execute, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

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
