"""Runs calibration data through the marked float graph and observes what passes there.

What a recurrent layer puts out comes from the float reference, which also shows how far the values
inside the layer reach. Nothing is quantized here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tfpipeline.export.calibrate.float_runner import FloatRunner, waves_of_markers
from tfpipeline.export.calibrate.observations import Observations
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import Marked, MarkedLayer
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.recurrent.observe import ObservedLayer, is_unbounded, observe
from tfpipeline.export.samples.signature import Samples
from tfpipeline.progress import progress


@dataclass(frozen=True)
class Observed:
    """What calibration data showed.

    Args:
        activations: What the activations were.
        layers: What was seen inside of each recurrent layer, by the position of its marker.
        samples: Number of calibration samples.
        sha256: Hash of the calibration data's bytes.
        growth: By layer, the magnitude of h in single samples and in samples end to end, where it
            was run so.
    """

    activations: Observations
    layers: Mapping[int, ObservedLayer]
    samples: int
    sha256: str
    growth: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def calibrate(
    marked: bytes,
    graph: FloatGraph,
    layers: Sequence[Marked],
    samples: Samples,
    modes: ModeTable,
    keep_values: bool = False,
    streams: bool = False,
) -> Observed:
    """Run samples through the marked float graph.

    A state without a bound of its own goes further in a stream than in one sample, and all behind
    it with it: where there is such a layer, samples are also run end to end.

    Args:
        marked: The converted model.
        graph: The same, read.
        layers: What its markers stand for, by their numbers.
        samples: Model inputs by name.
        modes: The mode of each layer: its bits decide between a kernel and its factors.
        keep_values: Whether rules other than min-max will be asked for ranges.
        streams: Whether states will be carried on from call to call.
    """
    runner = FloatRunner(marked, graph, samples)
    inside: dict[int, ObservedLayer] = {}
    growth: dict[str, tuple[float, float]] = {}

    def run(position: int, layer: MarkedLayer, x: np.ndarray) -> np.ndarray:
        bits = modes.of(layer.name).weight_bits
        inside[position], output = observe(layer.step, x, bits)
        return output

    def run_on(position: int, layer: MarkedLayer, x: np.ndarray) -> np.ndarray:
        bits = modes.of(layer.name).weight_bits
        seen, output = observe(layer.step, x, bits, end_to_end=not layer.step.go_backwards)
        growth[layer.name] = inside[position].states[0], seen.states[0]
        inside[position] = inside[position].and_of(seen)
        return output

    grows = any(isinstance(layer, MarkedLayer) and is_unbounded(layer.step) for layer in layers)
    passes = 2 if streams and grows else 1
    with progress(
        "Calibrating", passes * (len(waves_of_markers(graph)) + 1) * runner.samples
    ) as bar:
        runner.feed_markers(layers, run, bar.advance)
        activations = runner.observe(bar.advance, keep_values)
        if passes == 2:
            stream = FloatRunner(marked, graph, samples)
            stream.feed_markers(layers, run_on, bar.advance)
            stream.observe(bar.advance, keep_values, activations)
    return Observed(activations, inside, runner.samples, _digest(samples), growth)


def _digest(samples: Samples) -> str:
    """SHA-256 of all arrays, in the order of the model's inputs."""
    found = hashlib.sha256()
    for values in samples.values():
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()
