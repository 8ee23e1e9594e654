"""Finds every range by running calibration data through the marked float graph.

What a recurrent layer puts out comes from the float reference, which also yields the ranges inside
the layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfpipeline.export.calibrate.float_runner import FloatRunner, waves_of_markers
from tfpipeline.export.calibrate.observations import Observations
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.markers import MARKER, Delay, Marked, MarkedLayer, marker_index
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.quantize.ranges import Range
from tfpipeline.export.recurrent.quantize import RecurrentPlan, quantize
from tfpipeline.export.samples.signature import Samples
from tfpipeline.progress import progress


@dataclass(frozen=True)
class Calibration:
    """What calibration found, for one graph.

    Args:
        ranges: Lowest and highest value of each activation, by tensor index.
        plans: The quantized recurrent layer, or the delay, of each marker, by operator position.
        means: Mean of each activation over all but its last axis, by tensor index.
        samples: Number of calibration samples.
        sha256: Hash of the calibration data's bytes.
    """

    ranges: dict[int, Range]
    plans: dict[int, RecurrentPlan | Delay]
    means: dict[int, np.ndarray]
    samples: int
    sha256: str

    def recurrent_plans(self) -> list[RecurrentPlan]:
        return [plan for plan in self.plans.values() if isinstance(plan, RecurrentPlan)]

    def carried_to(self, pairs: dict[int, int]) -> Calibration:
        """The same for a graph of the same ops, whose tensors `pairs` maps to this one's."""
        return Calibration(
            {index: self.ranges[other] for index, other in pairs.items() if other in self.ranges},
            self.plans,
            {index: self.means[other] for index, other in pairs.items() if other in self.means},
            self.samples,
            self.sha256,
        )


@dataclass(frozen=True)
class Observed:
    """What calibration data showed, before a rule makes ranges of it.

    Args:
        activations: What the activations were.
        plans: As in `Calibration`; ranges inside recurrent layers follow no rule.
        samples: Number of calibration samples.
        sha256: Hash of the calibration data's bytes.
    """

    activations: Observations
    plans: dict[int, RecurrentPlan | Delay]
    samples: int
    sha256: str

    def calibration(self, clipping: str, all_samples: bool = True) -> Calibration:
        """The scales by one rule of `ranges.CLIPPINGS`, from all samples or those not held back."""
        return Calibration(
            self.activations.ranges(clipping, all_samples),
            self.plans,
            self.activations.means(all_samples),
            self.samples,
            self.sha256,
        )


def digest(samples: Samples) -> str:
    """SHA-256 of all arrays, in the order of the model's inputs."""
    found = hashlib.sha256()
    for values in samples.values():
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def calibrate(
    marked: bytes,
    graph: FloatGraph,
    layers: Sequence[Marked],
    samples: Samples,
    modes: ModeTable,
    keep_values: bool = False,
) -> Observed:
    """Runs `samples` through the marked float graph.

    With `keep_values` ranges can be chosen by other rules than min-max.
    """
    runner = FloatRunner(marked, graph, samples)
    of_layers = {i: layers[marker_index(op.custom_options)] for i, op in _markers(graph)}
    plans: dict[int, RecurrentPlan | Delay] = {
        position: layer for position, layer in of_layers.items() if isinstance(layer, Delay)
    }

    def plan(position: int, layer: MarkedLayer, x: np.ndarray) -> np.ndarray:
        bits = modes.of(layer.name).weight_bits
        plans[position], output = quantize(layer.name, layer.step, x, bits)
        return output

    with progress("Calibrating", (len(waves_of_markers(graph)) + 1) * runner.samples) as bar:
        runner.feed_markers(layers, plan, bar.advance)
        activations = runner.observe(bar.advance, keep_values)
    in_order = dict(sorted(plans.items()))
    return Observed(activations, in_order, runner.samples, digest(samples))


def _markers(graph: FloatGraph) -> Iterator[tuple[int, FloatOperator]]:
    return ((i, op) for i, op in enumerate(graph.operators) if op.custom == MARKER)
