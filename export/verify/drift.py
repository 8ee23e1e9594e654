"""Whether a stream stays as accurate as it begins: long after the length it was trained on.

A float32 stream of the same model runs beside the exported one. What counts is not how large the
error is, which `verify` looks at, but whether a long past makes it larger: the last windows of the
stream, of one training length each, are run a second time, each from fresh states. (The first part
of a long stream is no measure for the last one: the inputs differ, and some lie outside the
calibrated ranges.)

The error of a single window is much by chance, and so is what a few windows have in common. A past
that does harm shows in the last window and in the last five together; what counts is the one where
it shows less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfpipeline.export.graph.markers import MarkedLayer
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.converted_model import ConvertedModel
from tfpipeline.export.verify.paired_streams import Pairs, Trace, run_beside
from tfpipeline.export.verify.problems import Problem
from tfpipeline.export.verify.relative_error import RelativeErrors, Scales, relative_errors
from tfpipeline.progress import progress
from tfpipeline.runtime import Streamer

LENGTHS = 10
"""How many times the training length a stream runs."""
WINDOWS = 5
"""How many windows at its end are run from fresh states."""
_STREAM = Form(fused=False, streaming=True)


@dataclass(frozen=True)
class Drift:
    """The error late in a stream against a float32 stream of the same model.

    Relative errors (`relative_error.py`) against the float32 stream, in the last window or in the
    last five together, whichever the past adds less to.

    Args:
        frames: Length of the stream.
        window: Length of a window, one training length.
        output_fresh: Error of the output to which the past adds most, over all its channels, where
            the stream begins with the window.
        output_last: The same where it has run through all before.
        state_fresh: The same of explicit states; None without.
        state_last: The same of explicit states after all before.
        channel_fresh: As `output_fresh`, of the channel to which the past adds most; None where
            a window is too short to tell channels apart.
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
        """Return the errors that may grow: from fresh states, and after all before."""
        found = [("outputs", self.output_fresh, self.output_last)]
        if self.channel_fresh is not None and self.channel_last is not None:
            found.append(("worst channel", self.channel_fresh, self.channel_last))
        if self.state_fresh is not None and self.state_last is not None:
            found.append(("states", self.state_fresh, self.state_last))
        return found

    @property
    def growth(self) -> float:
        """Return how many times larger the past makes outputs or states: the larger ratio."""
        pairs = [errors for what, *errors in self.pairs() if what != "worst channel"]
        return max(_growth((fresh, last)) for fresh, last in pairs)


def drift(model: ConvertedModel, files: Mapping[Form, Path], work: Path) -> dict[str, Drift]:
    """Measure every streaming form against a float32 stream, over ten training lengths."""
    streams = {form: path for form, path in files.items() if form.streaming}
    window = model.signature.frames(model.held_out)
    recurrent = any(isinstance(layer, MarkedLayer) for layer in model.converted.marked.marked)
    if not streams or not recurrent or window is None:
        return {}
    reference = work / "reference.tflite"
    names = model.converted.marked.layer_names
    reference.write_bytes(model.write(_STREAM, ModeTable("float32", {}, names)).data)
    time_inputs = {port.name for port in model.signature.inputs if port.has_time}
    stream = long_stream(model.held_out, time_inputs, LENGTHS * window)
    paths = {form.name: path for form, path in streams.items()}
    comparable = {name: one.comparable for name, one in model.scores.items()}
    return _measure(paths, reference, stream, window, comparable)


def problems_of_drift(found: Mapping[str, Drift], tolerances: Tolerances) -> list[Problem]:
    """Return the streams whose error grows by more than the tolerances allow."""
    # What is nearly zero doubles easily. And an unbounded state, as an LSTM's, may reach further in
    # a long stream, and its error with it, while the outputs stay as close as they were.
    # Of a single channel a window holds few values, so that its error varies as much by chance.
    third, whole = tolerances.relative_error / 3.0, tolerances.relative_error
    floors = {"outputs": third, "worst channel": tolerances.channel_error, "states": whole}
    problems = []
    for name, one in found.items():
        for what, fresh, last in one.pairs():
            if last > max(tolerances.drift * fresh, floors[what]):
                text = (
                    f"after {one.frames} time steps the error of its {what} is {last:.4f}, from "
                    f"fresh states {fresh:.4f}, and tolerances allow {tolerances.drift:g} times "
                    "(calibrate with longer samples, or reset the stream in time)"
                )
                bound = tolerances.accepting(last / fresh) if fresh else math.inf
                problems.append(Problem(name, text, {"drift": bound}, verb="drifts"))
    return problems


def long_stream(samples: Samples, time_inputs: set[str], frames: int) -> Samples:
    """Return one sample of `frames` time steps: every sample forwards and then backwards.

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


def _measure(
    paths: Mapping[str, Path],
    reference: Path,
    stream: Samples,
    window: int,
    comparable: Mapping[str, bool] | None = None,
) -> dict[str, Drift]:
    """Run streaming models over `stream` and compare each with the reference call by call.

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
    length = max(1, window // chunk)
    first = max(0, len(calls) - WINDOWS * length)
    windows = [calls[i : i + length] for i in range(first, len(calls), length)]
    with progress("Streaming", len(calls) + sum(map(len, windows))) as bar:
        long = run_beside(exact, ours, calls, bar.advance)
        fresh = [run_beside(exact, ours, calls, bar.advance) for calls in windows]
    return {
        name: drift_of(frames, window, long[name], [one[name] for one in fresh], comparable or {})
        for name in ours
    }


def _part(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part


class _Grown(NamedTuple):
    """Errors from fresh states and after all before, of what the past adds most to."""

    output: tuple[float, float]
    state: tuple[float, float] | None
    channel: tuple[float, float] | None


def drift_of(
    frames: int,
    window: int,
    long: Trace,
    fresh: Sequence[Trace],
    comparable: Mapping[str, bool],
) -> Drift:
    """Return what was measured.

    Args:
        frames: Length of the stream.
        window: Length of a window.
        long: The whole stream, call by call.
        fresh: The windows at its end, each from fresh states.
        comparable: Of each output, whether its channels are scores of classes.
    """
    spans = [_grown(long, fresh[-count:], comparable) for count in (1, len(fresh))]
    output = min((span.output for span in spans), key=_growth)
    state = _least([span.state for span in spans])
    channel = _least([span.channel for span in spans])
    return Drift(frames, window, *output, *state, *channel)


def _least(
    pairs: Sequence[tuple[float, float] | None],
) -> tuple[float, float] | tuple[None, None]:
    """Return the pair that grows least; none where one is missing."""
    known = [pair for pair in pairs if pair is not None]
    return min(known, key=_growth) if len(known) == len(pairs) else (None, None)


def _growth(pair: tuple[float, float]) -> float:
    return pair[1] / max(pair[0], 1e-12)


def _grown(long: Trace, fresh: Sequence[Trace], comparable: Mapping[str, bool]) -> _Grown:
    """Compare the last calls of a long stream with the same calls from fresh states."""
    overall: list[tuple[float, float]] = []
    channels: list[tuple[float, float]] = []
    for name, values in long.outputs.items():
        pairs = [pair for trace in fresh for pair in trace.outputs[name]]
        both = [
            _errors(late, values, comparable.get(name, False))
            for late in (pairs, values[-len(pairs) :])
        ]
        overall.append((both[0].overall, both[1].overall))
        channels += zip(both[0].channels, both[1].channels, strict=True)
    state = None
    if long.states:
        pairs = [pair for trace in fresh for pair in trace.states]
        late = long.states[-len(pairs) :]
        errors = [_errors(part, long.states, False) for part in (pairs, late)]
        state = (errors[0].overall, errors[1].overall)
    channel = max(channels, key=_added) if channels else None
    return _Grown(max(overall, key=_added), state, channel)


def _added(pair: tuple[float, float]) -> float:
    """Return what the past adds to an error."""
    return pair[1] - pair[0]


def _errors(pairs: Pairs, all_pairs: Pairs, comparable: bool) -> RelativeErrors:
    """Return the errors of some calls, against what the reference's whole stream deviates."""
    scales = Scales.of(np.concatenate([pair[1] for pair in all_pairs]), comparable=comparable)
    ours, reference = (np.concatenate([pair[i] for pair in pairs]) for i in range(2))
    return relative_errors(ours, reference, scales)
