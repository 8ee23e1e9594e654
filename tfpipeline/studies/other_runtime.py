"""Runs a file in tflite-runtime, which needs a Python of its own, and compares its scores.

    PYTHON -m tfpipeline.studies.other_runtime MODEL INPUTS.npz OUTPUTS.npz

runs one there; nothing here may import more than NumPy and `tfpipeline.runtime`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_TIME_LIMIT_SECONDS = 120.0
_SAMPLES = 8


def compare(python: str, path: Path, inputs: Any) -> str:
    """Root mean square difference of scores from LiteRT's over their spread, or the error.

    Args:
        python: A Python with tflite-runtime.
        path: An exported model, whole or streaming.
        inputs: Samples, as `export` takes them.
    """
    from tfpipeline.runtime.native import library_path

    with tempfile.TemporaryDirectory(prefix="other-runtime-") as folder:
        given, found = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        if isinstance(inputs, np.ndarray):
            inputs = {_card(path)["inputs"][0]["name"]: inputs}
        few = {name: values[:_SAMPLES] for name, values in inputs.items()}
        np.savez(given, **{f"in:{name}": values for name, values in few.items()})
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TFPIPELINE_LIBRARY": str(library_path()),
        }
        command = [python, "-m", "tfpipeline.studies.other_runtime", path, given, found]
        try:
            done = subprocess.run(
                [str(part) for part in command],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return "hangs"
        if done.returncode < 0:
            return f"crashes with signal {-done.returncode}"
        if done.returncode:
            return _reason(done.stderr)
        with np.load(found) as outputs:
            theirs = dict(outputs)
    ours = scores(path, few, "litert")
    differences = [
        float(np.sqrt(((theirs[name] - values) ** 2).mean())) / (float(values.std()) or 1.0)
        for name, values in ours.items()
    ]
    return f"{max(differences):.2g}"


def _reason(stderr: str) -> str:
    """What the runtime says of a file that it refuses, without paths."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "Error: " in line]
    text = (errors or lines or ["no reason was given"])[-1]
    return re.sub(r"/\S*/", "", text.rpartition("cannot be loaded: ")[2])[:160]


def scores(path: Path, inputs: Mapping[str, np.ndarray], runtime: str) -> dict[str, np.ndarray]:
    """All scores of a whole or streaming model, by output; inputs by name."""
    from tfpipeline.runtime import Interpreter, Streamer

    if not _card(path)["streaming"]:
        return _named(Interpreter(path, runtime=runtime).predict(inputs))
    streamer, results = Streamer(path, runtime=runtime), []
    for i in range(len(next(iter(inputs.values())))):
        streamer.reset()
        sample = {name: values[i] for name, values in inputs.items()}
        results += [_named(streamer.process(part)) for part in _calls(streamer, sample)]
    return {name: np.stack([result[name] for result in results]) for name in results[0]}


def _card(path: Path) -> dict[str, Any]:
    from tfpipeline.runtime.model_card import read_card
    from tfpipeline.runtime.tflite_file import TFLiteFile

    return read_card(TFLiteFile(path))


def _calls(streamer: Any, sample: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """A sample cut into what each call of a streaming model takes."""
    timed = {entry["name"]: entry["time_axis"] for entry in streamer.card["inputs"]}
    length = max(len(values) for name, values in sample.items() if timed[name])
    chunk = streamer.chunk
    calls = []
    for start in range(0, length - chunk + 1, chunk):
        part = start if chunk == 1 else slice(start, start + chunk)
        calls.append({name: v[part] if timed[name] else v for name, v in sample.items()})
    return calls


def _named(values: Any) -> dict[str, np.ndarray]:
    return values if isinstance(values, dict) else {"scores": values}


def main(model: str, inputs: str, outputs: str) -> None:
    with np.load(inputs) as stored:
        given = {name.removeprefix("in:"): stored[name] for name in stored}
    found: dict[str, Any] = scores(Path(model), given, "tflite_runtime")
    np.savez(outputs, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
