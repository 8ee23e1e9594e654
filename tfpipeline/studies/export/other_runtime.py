"""Runs files in tflite-runtime, which needs a Python of its own, and compares their scores.

    PYTHON -m tfpipeline.studies.export.other_runtime INPUTS.npz MODEL MODEL ...

runs them there and writes `MODEL.npz` or `MODEL.error` beside each; nothing here may import more
than NumPy and `tfpipeline.runtime`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.worker_process import python_command, run_worker

_TIME_LIMIT_SECONDS = 300.0
_SAMPLES = 8


def compare(python: str, paths: Sequence[Path], inputs: Any) -> list[str]:
    """Compare the scores of files with LiteRT's: root mean square difference over their spread.

    Args:
        python: A Python with tflite-runtime.
        paths: Exported models, whole or streaming, in a folder that may be written to.
        inputs: Samples, as `export` takes them.

    Returns:
        The difference as a number, or why there is none.
    """
    if not paths:
        return []
    if isinstance(inputs, np.ndarray):
        inputs = {_card(paths[0])["inputs"][0]["name"]: inputs}
    few = {name: values[:_SAMPLES] for name, values in inputs.items()}
    given = paths[0].with_suffix(".inputs.npz")
    np.savez(given, **{f"in:{name}": values for name, values in few.items()})
    found: dict[Path, str] = {}
    while waiting := [path for path in paths if path not in found]:
        crash = _run_there(python, given, waiting)
        for path in waiting:
            if (error := path.with_suffix(".error")).exists():
                found[path] = _reason(error.read_text())
            elif (theirs := path.with_suffix(".npz")).exists():
                found[path] = _difference(path, theirs, few)
            else:
                # It ended here; the files after this one are still to be run.
                found[path] = crash
                break
    return [found[path] for path in paths]


def _run_there(python: str, inputs: Path, paths: Sequence[Path]) -> str:
    """Run files in the other Python; return how it ended, should results be missing."""
    from tfpipeline.runtime.native import library_path

    # Last on its path: beside this package can lie a NumPy that its own Python cannot load.
    code = (
        "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
        f"runpy.run_module({__name__!r}, run_name='__main__', alter_sys=True)"
    )
    root = str(Path(__file__).parents[3])
    command = python_command("-c", code, root, str(inputs), *map(str, paths), python=python)
    library = str(library_path())
    done = run_worker(command, seconds=_TIME_LIMIT_SECONDS, TFPIPELINE_LIBRARY=library)
    if done.status is None:
        return "hangs"
    if done.status < 0:
        return f"crashes with signal {-done.status}"
    return _reason(done.stderr)


def _difference(path: Path, theirs: Path, inputs: Mapping[str, np.ndarray]) -> str:
    differences = []
    with np.load(theirs) as outputs:
        for name, values in scores(path, inputs, "litert").items():
            error = float(np.sqrt(((outputs[name] - values) ** 2).mean()))
            differences.append(error / (float(values.std()) or 1.0))
    return f"{max(differences):.2g}"


def _reason(text: str) -> str:
    """Return the last line of an error, without paths."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = (lines or ["no reason was given"])[-1].rpartition("cannot be loaded: ")[2]
    return re.sub(r"/\S*/", "", last)[:160]


def scores(path: Path, inputs: Mapping[str, np.ndarray], runtime: str) -> dict[str, np.ndarray]:
    """Return all scores of a whole or streaming model, by output; inputs by name."""
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
    """Return a sample cut into what each call of a streaming model takes."""
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


def main(inputs: str, *models: str) -> None:
    with np.load(inputs) as stored:
        given = {name.removeprefix("in:"): stored[name] for name in stored}
    for path in map(Path, models):
        try:
            found: dict[str, Any] = scores(path, given, "tflite_runtime")
        except (TfpipelineError, ValueError, RuntimeError) as error:
            path.with_suffix(".error").write_text(" ".join(str(error).split()))
        else:
            np.savez(path.with_suffix(".npz"), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
