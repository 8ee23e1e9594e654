"""Runs streaming models side by side with a float32 stream of the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfpipeline.export.samples.signature import Samples
from tfpipeline.runtime import Streamer

Pairs = list[tuple[np.ndarray, np.ndarray]]
"""What ours and the reference put out, call by call, each `(positions, channels)`."""


class Trace:
    """Outputs and states of two streams, ours and the reference, call by call."""

    def __init__(self) -> None:
        self.outputs: dict[str, Pairs] = {}
        self.states: Pairs = []

    def add_outputs(self, ours: Samples, reference: Samples) -> None:
        for name, values in reference.items():
            pair = (_positions(ours[name]), _positions(values))
            self.outputs.setdefault(name, []).append(pair)

    def add_states(self, ours: Samples, reference: Samples) -> None:
        self.states.append((_flat(ours), _flat(reference)))


def run_beside(
    exact: Streamer,
    ours: Mapping[str, Streamer],
    calls: Sequence[Samples],
    advance: Callable[..., None],
) -> dict[str, Trace]:
    """Run streams from fresh states, call by call.

    Args:
        exact: The float32 stream.
        ours: The streams to compare with it, by name.
        calls: The inputs of each call.
        advance: Called after each call.
    """
    traces = {name: Trace() for name in ours}
    for streamer in (exact, *ours.values()):
        streamer.reset()
    for now in calls:
        expected, expected_states = _named(exact, exact.process(now)), exact.states()
        for name, streamer in ours.items():
            traces[name].add_outputs(_named(streamer, streamer.process(now)), expected)
            states = streamer.states()
            if states and states.keys() == expected_states.keys():
                traces[name].add_states(states, expected_states)
        advance()
    return traces


def _named(streamer: Streamer, values: Any) -> Samples:
    return values if isinstance(values, dict) else {streamer.card["outputs"][0]["name"]: values}


def _positions(values: np.ndarray) -> np.ndarray:
    """Return the channels of each time step of a call, or of its end."""
    array = np.asarray(values)
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)


def _flat(values: Samples) -> np.ndarray:
    arrays = [np.asarray(array, np.float64).reshape(-1) for array in values.values()]
    return np.concatenate(arrays)[None]
