"""Finds every range by running calibration data through the marked float graph.

The graph is cut at the markers: the stock ops run in the interpreter, and what a recurrent layer
puts out comes from the float reference, which also yields the ranges inside the layer.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export.calibrate.observations import Observations
from tfpipeline.export.errors import ExportError, reason_of
from tfpipeline.export.flatbuffer.reader import cut_at_custom_ops
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import MARKER, Delay, Marked, marker_index
from tfpipeline.export.modes import FLOAT32, ModeTable
from tfpipeline.export.quantize.ranges import Range
from tfpipeline.export.recurrent.cells import CELLS
from tfpipeline.export.recurrent.quantize import RecurrentPlan
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
    plans: dict[int, RecurrentPlan | Delay] = {}
    markers = [i for i, op in enumerate(graph.operators) if op.custom == MARKER]
    with progress("Calibrating", (len(markers) + 1) * runner.samples) as bar:
        for position in markers:
            op = graph.operators[position]
            layer = layers[marker_index(op.custom_options)]
            x = runner.read(op.inputs[0], bar.advance)
            if isinstance(layer, Delay):
                plans[position] = layer
                runner.known[op.outputs[0]] = _with_past(x, layer)
                continue
            cell = CELLS[layer.step.cell]
            bits = modes.of(layer.name).weight_bits
            plans[position], output = cell.plan(layer.name, layer.step, x, bits)
            runner.known[op.outputs[0]] = output
        activations = runner.observe(bar.advance, keep_values)
    return Observed(activations, plans, runner.samples, digest(samples))


def float_runner(
    marked: bytes, graph: FloatGraph, layers: Sequence[Marked], samples: Samples
) -> FloatRunner:
    """The float graph on other samples, with the outputs of its markers known."""
    runner = FloatRunner(marked, graph, samples)
    for op in graph.operators:
        if op.custom != MARKER:
            continue
        layer, x = layers[marker_index(op.custom_options)], runner.read(op.inputs[0], _nothing)
        if isinstance(layer, Delay):
            runner.known[op.outputs[0]] = _with_past(x, layer)
        else:
            runner.known[op.outputs[0]] = CELLS[layer.step.cell].float_output(layer.step, x)
    return runner


def _nothing(count: int = 1) -> None:
    """No progress bar for a few samples."""


def _with_past(x: np.ndarray, delay: Delay) -> np.ndarray:
    past = np.zeros((x.shape[0], delay.frames, *x.shape[2:]), x.dtype)
    return np.concatenate([past, x], axis=1)


class FloatRunner:
    """The stock ops of a marked graph, with the markers' outputs fed from outside.

    Args:
        marked: The converted model.
        graph: The same, read.
        samples: Model inputs by name, in the order of the graph's `in_0`, `in_1`.
    """

    def __init__(self, marked: bytes, graph: FloatGraph, samples: Samples) -> None:
        self.known: dict[int, np.ndarray] = {
            graph.inputs[f"in_{i}"]: values
            for i, values in enumerate(samples.values())
            if f"in_{i}" in graph.inputs
        }
        self.samples = len(next(iter(samples.values())))
        self._graph = graph
        with warnings.catch_warnings():
            # It warns that keeping all tensors costs memory; keeping them is the purpose here.
            warnings.simplefilter("ignore")
            self._interpreter = Interpreter(
                model_content=cut_at_custom_ops(marked),
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
        self._interpreter.allocate_tensors()

    def run(self, sample: int) -> None:
        """Runs one sample, with all that is known so far."""
        for index, values in self.known.items():
            self._interpreter.set_tensor(index, values[sample : sample + 1])
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ExportError(
                f"sample {sample} cannot be run ({reason_of(error)}): pass inputs that "
                "the model takes, such as indices within an Embedding"
            ) from error

    def value(self, index: int) -> np.ndarray:
        """A tensor of the last run, with its batch axis."""
        found: np.ndarray = self._interpreter.get_tensor(index)
        return found

    def read(self, index: int, advance: Callable[..., None]) -> np.ndarray:
        """One tensor's value for all samples."""
        if index in self.known:
            advance(self.samples)
            return self.known[index]
        found = []
        for sample in range(self.samples):
            self.run(sample)
            found.append(self.value(index)[0])
            advance()
        return np.stack(found)

    def activations(self) -> list[int]:
        """Every float tensor that is no constant."""
        return sorted(
            {
                index
                for op in self._graph.operators
                for index in (*op.inputs, *op.outputs)
                if not self._graph.is_constant(index)
                and self._graph.tensors[index].dtype == FLOAT32
            }
            | {i for i in self._graph.inputs.values() if self._graph.tensors[i].dtype == FLOAT32}
        )

    def observe(self, advance: Callable[..., None], keep_values: bool) -> Observations:
        """What each float activation is for each sample."""
        found, indices = Observations(self.samples, keep_values), self.activations()
        for sample in range(self.samples):
            self.run(sample)
            for index in indices:
                found.add(sample, index, self.value(index))
            advance()
        return found
