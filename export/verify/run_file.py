"""Runs a written file on samples, whole or as a stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.verify.same_shapes import check_outputs
from tfpipeline.runtime import Interpreter, Streamer


def run_file(
    form: Form, path: Path, samples: Samples, expected: Samples, advance: Callable[..., None]
) -> Samples:
    """Return the outputs of a file for samples.

    Args:
        form: What the file is.
        path: Where it lies.
        samples: Model inputs by name, with an axis of samples in front.
        expected: What Keras makes of them, for names and shapes.
        advance: Called after each sample.

    Raises:
        VerificationError: the file has other outputs than the model.
    """
    count = len(next(iter(samples.values())))
    results: dict[str, list[np.ndarray]] = {name: [] for name in expected}
    runner: Any = Streamer(path) if form.streaming else Interpreter(path)
    for i in range(count):
        sample = {name: values[i] for name, values in samples.items()}
        found = stream_sample(runner, sample) if form.streaming else _whole(runner, sample)
        if not i:
            check_outputs(path, runner.card, found, {n: v[0] for n, v in expected.items()})
        for name, values in found.items():
            results[name].append(values)
        advance()
    return {name: np.stack(values) for name, values in results.items()}


def stream_sample(streamer: Streamer, sample: Samples) -> Samples:
    """Streams one sample from a fresh state: all scores of outputs with a time axis, else the last.

    Time steps that do not fill a call are left out.
    """
    streamer.reset()
    entries = {entry["name"]: entry for entry in streamer.card["inputs"]}
    length = max(len(v) for name, v in sample.items() if entries[name]["time_axis"])
    chunk = streamer.chunk
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, length - chunk + 1, chunk):
        frames = {
            name: _cut(value, start, chunk) if entries[name]["time_axis"] else value
            for name, value in sample.items()
        }
        for name, value in _named(streamer.card, streamer.process(frames)).items():
            found.setdefault(name, []).append(value)
    result = {}
    for entry in streamer.card["outputs"]:
        values = found[entry["name"]]
        if not entry["time_axis"]:
            result[entry["name"]] = values[-1]
        else:
            # A single time step a call has no axis of its own.
            single = values[0].ndim == len(entry["shape"]) - 2
            result[entry["name"]] = np.stack(values) if single else np.concatenate(values)
    return result


def _whole(interpreter: Interpreter, sample: Samples) -> Samples:
    interpreter.set_input(sample)
    interpreter.invoke()
    return _named(interpreter.card, interpreter.output())


def _named(card: dict[str, Any], values: Any) -> Samples:
    return values if isinstance(values, dict) else {card["outputs"][0]["name"]: values}


def _cut(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part
