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

from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.verify.relative_error import RelativeErrors, Scales, relative_errors
from tfpipeline.progress import progress
from tfpipeline.runtime import Streamer

LENGTHS = 10
"""How many times the training length a stream runs."""


@dataclass(frozen=True)
class Drift:
    """The error of a stream's last part against a float32 stream of the same model.

    Relative errors (`relative_error.py`) against the float32 stream.

    Args:
        frames: Length of the stream.
        window: Length of its last part, one training length.
        output_fresh: Error of the output to which the past adds most, over all its channels, where
            the stream begins with the last part.
        output_last: The same where it has run through all before.
        state_fresh: The same of explicit states; None without.
        state_last: The same of explicit states after all before.
        channel_fresh: As `output_fresh`, of the channel to which the past adds most; None where
            the last part is too short to tell channels apart.
        channel_last: The same after all before.
    """

    frames: int
    window: int
    output_fresh: float
    output_last: float
    state_fresh: float | None
    state_last: float | None
    channel_fresh: float | None = None
    channel_last: float | None = None

    def pairs(self) -> list[tuple[str, float, float]]:
        """The errors that may grow: from fresh states, and after all before."""
        found = [("outputs", self.output_fresh, self.output_last)]
        if self.channel_fresh is not None and self.channel_last is not None:
            found.append(("worst channel", self.channel_fresh, self.channel_last))
        if self.state_fresh is not None and self.state_last is not None:
            found.append(("states", self.state_fresh, self.state_last))
        return found

    @property
    def growth(self) -> float:
        """How many times larger the past makes the error of outputs or states: the larger ratio."""
        pairs = [pair[1:] for pair in self.pairs() if pair[0] != "worst channel"]
        return max(last / max(fresh, 1e-12) for fresh, last in pairs)


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
    paths: Mapping[str, Path],
    reference: Path,
    stream: Samples,
    window: int,
    comparable: Mapping[str, bool] | None = None,
) -> dict[str, Drift]:
    """Runs streaming models over `stream` and compares each with the reference call by call.

    Args:
        paths: The exported streaming models by name.
        reference: The same model as float32. It runs once beside all of them, because a large
            one takes longer than they do.
        stream: One long sample, as `long_stream` makes.
        window: Time steps of the training length.
        comparable: Of each output, whether its channels are scores of classes.
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
    last_calls = len(last)
    return {
        name: _drift(frames, window, long[name], fresh[name], last_calls, comparable or {})
        for name in ours
    }


def _drift(
    frames: int,
    window: int,
    long: _Trace,
    fresh: _Trace,
    last: int,
    comparable: Mapping[str, bool],
) -> Drift:
    overall: list[tuple[float, float]] = []
    channels: list[tuple[float, float]] = []
    for name, values in long.outputs.items():
        both = [
            _errors(pairs, values, last, comparable.get(name, False))
            for pairs in (fresh.outputs[name], values)
        ]
        overall.append((both[0].overall, both[1].overall))
        channels += zip(both[0].channels, both[1].channels, strict=True)
    output = max(overall, key=_added)
    channel = max(channels, key=_added) if channels else (None, None)
    state: tuple[float | None, float | None] = (None, None)
    if long.states:
        errors = [_errors(trace.states, long.states, last, False) for trace in (fresh, long)]
        state = (errors[0].overall, errors[1].overall)
    return Drift(frames, window, *output, *state, *channel)


def _added(pair: tuple[float, float]) -> float:
    """What the past adds to an error."""
    return pair[1] - pair[0]


_Pairs = list[tuple[np.ndarray, np.ndarray]]
"""What ours and the reference put out, call by call, each `(positions, channels)`."""


def _errors(pairs: _Pairs, all_pairs: _Pairs, last: int, comparable: bool) -> RelativeErrors:
    """The errors of the last calls, against what the reference's whole stream deviates."""
    scales = Scales.of(np.concatenate([pair[1] for pair in all_pairs]), comparable=comparable)
    ours, reference = (np.concatenate([pair[i] for pair in pairs[-last:]]) for i in range(2))
    return relative_errors(ours, reference, scales)


class _Trace:
    """Outputs and states of two streams, ours and the reference, call by call."""

    def __init__(self) -> None:
        self.outputs: dict[str, _Pairs] = {}
        self.states: _Pairs = []

    def add_outputs(self, ours: Samples, reference: Samples) -> None:
        for name, values in reference.items():
            pair = (_positions(ours[name]), _positions(values))
            self.outputs.setdefault(name, []).append(pair)

    def add_states(self, ours: Samples, reference: Samples) -> None:
        self.states.append((_flat(ours), _flat(reference)))


def _run(
    exact: Streamer,
    ours: Mapping[str, Streamer],
    calls: list[Samples],
    advance: Callable[..., None],
) -> dict[str, _Trace]:
    traces = {name: _Trace() for name in ours}
    for now in calls:
        expected, expected_states = _named(exact, exact.process(now)), exact.states()
        for name, streamer in ours.items():
            traces[name].add_outputs(_named(streamer, streamer.process(now)), expected)
            states = streamer.states()
            if states and states.keys() == expected_states.keys():
                traces[name].add_states(states, expected_states)
        advance()
    return traces


def _part(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part


def _named(streamer: Streamer, values: Any) -> Samples:
    return values if isinstance(values, dict) else {streamer.card["outputs"][0]["name"]: values}


def _positions(values: np.ndarray) -> np.ndarray:
    """The channels of each time step of a call, or of its end."""
    array = np.asarray(values)
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)


def _flat(values: Samples) -> np.ndarray:
    arrays = [np.asarray(array, np.float64).reshape(-1) for array in values.values()]
    return np.concatenate(arrays)[None]
