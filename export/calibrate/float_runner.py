"""Runs samples through a marked float graph.

The graph is cut at the markers: the stock ops run in the interpreter, and what a marker stands for
is computed outside and fed to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export.calibrate.observations import Observations
from tfpipeline.export.errors import ExportError, reason_of
from tfpipeline.export.flatbuffer.reader import cut_at_custom_ops
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import MARKER, Delay, Marked, MarkedLayer, marker_index
from tfpipeline.export.modes import FLOAT32
from tfpipeline.export.recurrent.observe import float_output
from tfpipeline.export.samples.signature import Samples

RecurrentOutput = Callable[[int, MarkedLayer, np.ndarray], np.ndarray]
"""What a recurrent layer puts out, given its marker's position and its input for all samples."""


def float_runner(
    marked: bytes, graph: FloatGraph, layers: Sequence[Marked], samples: Samples
) -> FloatRunner:
    """Return the float graph on other samples, with the outputs of its markers known."""
    runner = FloatRunner(marked, graph, samples)
    runner.feed_markers(layers, lambda _, layer, x: float_output(layer.step, x), _nothing)
    return runner


def waves_of_markers(graph: FloatGraph) -> list[list[int]]:
    """Return the positions of the markers, parted by how many are in front of each.

    The inputs of all in a wave are known once the outputs of the waves before it are.
    """
    behind: dict[int, int] = {}
    waves: list[list[int]] = []
    for position, op in enumerate(graph.operators):
        number = max((behind.get(index, 0) for index in op.inputs), default=0)
        if op.custom == MARKER:
            if number == len(waves):
                waves.append([])
            waves[number].append(position)
            number += 1
        behind |= dict.fromkeys(op.outputs, number)
    return waves


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

    def feed_markers(
        self, layers: Sequence[Marked], output_of: RecurrentOutput, advance: Callable[..., None]
    ) -> None:
        """Make the outputs of all markers known, wave by wave, each from one run of the graph."""
        for wave in waves_of_markers(self._graph):
            ops = {position: self._graph.operators[position] for position in wave}
            inputs = self.read([op.inputs[0] for op in ops.values()], advance)
            for position, op in ops.items():
                layer, x = layers[marker_index(op.custom_options)], inputs[op.inputs[0]]
                if isinstance(layer, Delay):
                    self.known[op.outputs[0]] = _with_past(x, layer)
                else:
                    self.known[op.outputs[0]] = output_of(position, layer, x)

    def run(self, sample: int) -> None:
        """Run one sample, with all that is known so far."""
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
        """Return a tensor of the last run, with its batch axis."""
        found: np.ndarray = self._interpreter.get_tensor(index)
        return found

    def read(self, indices: Collection[int], advance: Callable[..., None]) -> dict[int, np.ndarray]:
        """Return the values of tensors for all samples, from one run of those not known yet."""
        unknown = [index for index in dict.fromkeys(indices) if index not in self.known]
        if not unknown:
            advance(self.samples)
        found: dict[int, list[np.ndarray]] = {index: [] for index in unknown}
        for sample in range(self.samples if unknown else 0):
            self.run(sample)
            for index, values in found.items():
                values.append(self.value(index)[0])
            advance()
        read = {index: np.stack(values) for index, values in found.items()}
        return {
            index: self.known[index] if index in self.known else read[index] for index in indices
        }

    def activations(self) -> list[int]:
        """Return every float tensor that is no constant."""
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

    def observe(
        self,
        advance: Callable[..., None],
        keep_values: bool,
        before: Observations | None = None,
    ) -> Observations:
        """Observe what each float activation is for each sample.

        Args:
            advance: The progress bar.
            keep_values: Whether rules other than min-max will be asked for ranges.
            before: What the same samples showed in another run, which is then widened.
        """
        found, indices = before or Observations(self.samples, keep_values), self.activations()
        add = found.add if before is None else found.widen
        for sample in range(self.samples):
            self.run(sample)
            for index in indices:
                add(sample, index, self.value(index))
            advance()
        return found
