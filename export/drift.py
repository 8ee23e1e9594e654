"""Whether a stream stays as accurate as it begins: long after the length it was trained on.

A float32 stream of the same model runs beside the exported one. What counts is not how large the
error is, which `verify` looks at, but whether a long past makes it larger: the last part of the
stream is run a second time from fresh states. (The first part of a long stream is no measure for
the last one: the inputs differ, and some lie outside the calibrated ranges.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.signature import Samples
from tfpipeline.export.spread import is_decision, spread
from tfpipeline.progress import progress
from tfpipeline.runtime import Streamer

LENGTHS = 10
"""How many times the training length a stream runs."""


@dataclass(frozen=True)
class Drift:
    """The error of a stream's last part against a float32 stream of the same model.

    Root mean square errors over the standard deviation of the float32 values.

    Args:
        frames: Length of the stream.
        window: Length of its last part, one training length.
        output_fresh: Error of the outputs where the stream begins with the last part.
        output_last: The same where it has run through all before.
        state_fresh: The same of explicit states; None without.
        state_last: The same of explicit states after all before.
    """

    frames: int
    window: int
    output_fresh: float
    output_last: float
    state_fresh: float | None
    state_last: float | None

    def pairs(self) -> list[tuple[str, float, float]]:
        """The errors of outputs and explicit states: from fresh states, and after all before."""
        found = [("outputs", self.output_fresh, self.output_last)]
        if self.state_fresh is not None and self.state_last is not None:
            found.append(("states", self.state_fresh, self.state_last))
        return found

    @property
    def growth(self) -> float:
        """How many times larger the past makes the error: the larger ratio of both."""
        return max(last / max(fresh, 1e-12) for _, fresh, last in self.pairs())


def long_stream(samples: Samples, time_inputs: set[str], frames: int) -> Samples:
    """One sample of `frames` time steps: every sample forwards and then backwards.

    Turning round joins them without jumps, which no calibrated range would cover.
    """
    result = {}
    for name, values in samples.items():
        if name not in time_inputs:
            result[name] = values[0]
            continue
        both = np.concatenate([values, values[:, ::-1]], axis=1)
        joined = both.reshape(-1, *values.shape[2:])
        repeats = -(-frames // len(joined))
        result[name] = np.concatenate([joined] * repeats)[:frames]
    return result


def measure_drifts(
    paths: Mapping[str, Path], reference: Path, stream: Samples, window: int
) -> dict[str, Drift]:
    """Runs streaming models over `stream` and compares each with the reference call by call.

    Args:
        paths: The exported streaming models by name.
        reference: The same model as float32. It runs once beside all of them, because a large
            one takes longer than they do.
        stream: One long sample, as `long_stream` makes.
        window: Time steps of the training length.
    """
    exact, ours = Streamer(reference), {name: Streamer(path) for name, path in paths.items()}
    entries = {entry["name"]: entry for entry in exact.card["inputs"]}
    frames = max(len(v) for name, v in stream.items() if entries[name]["time_axis"])
    chunk = exact.chunk
    calls = [
        {
            name: _part(value, start, chunk) if entries[name]["time_axis"] else value
            for name, value in stream.items()
        }
        for start in range(0, frames - chunk + 1, chunk)
    ]
    last = calls[-max(1, window // chunk) :]
    with progress("Streaming", len(calls) + len(last)) as bar:
        long = _run(exact, ours, calls, bar.advance)
        for streamer in (exact, *ours.values()):
            streamer.reset()
        fresh = _run(exact, ours, last, bar.advance)
    return {name: _drift(frames, window, long[name], fresh[name], len(last)) for name in ours}


def _drift(frames: int, window: int, long: _Trace, fresh: _Trace, last: int) -> Drift:
    errors = []
    for kind in ("outputs", "states"):
        spread = long.spread(kind)
        for trace in (fresh, long):
            errors.append(None if spread is None else trace.error(kind, last, spread))
    output_fresh, output_last, state_fresh, state_last = errors
    assert output_fresh is not None and output_last is not None
    return Drift(frames, window, output_fresh, output_last, state_fresh, state_last)


class _Trace:
    """Outputs and states of two streams, ours and the reference, call by call."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"outputs": [], "states": []}
        self._decisions: set[str] = set()

    def add(self, kind: str, ours: Any, reference: Any) -> None:
        if all(map(is_decision, _arrays(reference))):
            self._decisions.add(kind)
        self._pairs[kind].append((_flat(ours), _flat(reference)))

    def spread(self, kind: str) -> float | None:
        """What errors are relative to; None where there is nothing of this kind."""
        pairs = self._pairs[kind]
        return spread(np.stack([pair[1] for pair in pairs])) if pairs else None

    def error(self, kind: str, last: int, spread: float) -> float:
        """Root mean square error of the last calls over `spread`; of decisions, the wrong share."""
        ours, reference = (np.stack([p[i] for p in self._pairs[kind][-last:]]) for i in range(2))
        if kind in self._decisions:
            return float((ours != reference).mean())
        return float(np.sqrt(((ours - reference) ** 2).mean())) / spread


def _run(
    exact: Streamer,
    ours: Mapping[str, Streamer],
    calls: list[Samples],
    advance: Callable[..., None],
) -> dict[str, _Trace]:
    traces = {name: _Trace() for name in ours}
    for now in calls:
        expected, expected_states = exact.process(now), exact.states()
        for name, streamer in ours.items():
            traces[name].add("outputs", streamer.process(now), expected)
            states = streamer.states()
            if states and states.keys() == expected_states.keys():
                traces[name].add("states", states, expected_states)
        advance()
    return traces


def _part(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part


def _arrays(values: Any) -> list[np.ndarray]:
    arrays = list(values.values()) if isinstance(values, dict) else [values]
    return [np.asarray(array) for array in arrays]


def _flat(values: Any) -> np.ndarray:
    """All values in a row, without the decisions that are made of others."""
    arrays = _arrays(values)
    real = [array for array in arrays if not is_decision(array)] or arrays
    return np.concatenate([np.asarray(array, np.float64).reshape(-1) for array in real])
