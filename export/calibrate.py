"""Finds the range of every value of a marked graph on calibration data.

The graph is cut at its markers. Stage by stage the ops between them run in LiteRT, in float32,
and each recurrent layer in the numpy reference, until the last marker's output is known; a final
pass reads every tensor.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export.cells import CELLS
from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer import FloatGraph, Quantization, cut_at_custom_ops
from tfpipeline.export.mark import MARKER, MarkedLayer, marker_index
from tfpipeline.export.recurrent_plan import RecurrentPlan, affine
from tfpipeline.export.stock_ops import rule_of
from tfpipeline.progress import progress


@dataclass(frozen=True)
class Calibration:
    """The table of scales that both lowerings share.

    Args:
        quantization: int8 quantization of each activation of the float graph, by tensor index.
        plans: The quantized recurrent layer of each marker, by operator position.
        samples: Number of calibration samples.
        sha256: Hash of the calibration data's bytes.
    """

    quantization: dict[int, Quantization]
    plans: dict[int, RecurrentPlan]
    samples: int
    sha256: str


def check_samples(name: str, samples: np.ndarray, features: int) -> np.ndarray:
    """Checks an argument that holds model inputs `(samples, time, features)`."""
    values = np.asarray(samples)
    if values.ndim != 3 or not len(values) or not values.shape[1] or values.shape[2] != features:
        raise ExportError(
            f"{name} must have the shape (samples, time, {features}) with at least one sample, "
            f"received {values.shape}: pass model inputs, for example x_train[:200]"
        )
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ExportError(f"{name} contains NaN or infinity: remove those samples")
    return values


def calibrate(
    marked: bytes, graph: FloatGraph, layers: list[MarkedLayer], samples: np.ndarray
) -> Calibration:
    """Runs `samples` `(samples, time, features)` through the marked float graph."""
    runner = _CutGraph(marked, graph, samples)
    plans: dict[int, RecurrentPlan] = {}
    markers = [i for i, op in enumerate(graph.operators) if op.custom == MARKER]
    with progress("Calibrating", (len(markers) + 1) * len(samples)) as bar:
        for position in markers:
            op = graph.operators[position]
            layer = layers[marker_index(op.custom_options)]
            x = runner.read(op.inputs[0], bar.advance)
            cell = CELLS[layer.step.cell]
            plans[position] = cell.plan(layer.name, layer.step, x)
            runner.known[op.outputs[0]] = cell.float_output(layer.step, x)
        ranges = runner.ranges(bar.advance)
    return Calibration(
        _assign(graph, plans, ranges),
        plans,
        len(samples),
        hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest(),
    )


class _CutGraph:
    """The stock ops of a marked graph, with the markers' outputs fed from outside."""

    def __init__(self, marked: bytes, graph: FloatGraph, samples: np.ndarray) -> None:
        self.known: dict[int, np.ndarray] = {graph.inputs["x"]: samples}
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
        self._samples = len(samples)

    def _run(self, sample: int) -> None:
        for index, values in self.known.items():
            self._interpreter.set_tensor(index, values[sample : sample + 1])
        self._interpreter.invoke()

    def read(self, index: int, advance: Callable[..., None]) -> np.ndarray:
        """One tensor's value for all samples."""
        if index in self.known:
            advance(self._samples)
            return self.known[index]
        found = []
        for sample in range(self._samples):
            self._run(sample)
            found.append(self._interpreter.get_tensor(index)[0])
            advance()
        return np.stack(found)

    def ranges(self, advance: Callable[..., None]) -> dict[int, np.ndarray]:
        """Lowest and highest value of each float activation."""
        activations = {
            index
            for op in self._graph.operators
            for index in (*op.inputs, *op.outputs)
            if not self._graph.is_constant(index)
        }
        lows = dict.fromkeys(activations, np.inf)
        highs = dict.fromkeys(activations, -np.inf)
        for sample in range(self._samples):
            self._run(sample)
            for index in activations:
                values = self._interpreter.get_tensor(index)
                lows[index] = min(lows[index], float(values.min()))
                highs[index] = max(highs[index], float(values.max()))
            advance()
        return {index: np.array([lows[index], highs[index]]) for index in activations}


def _assign(
    graph: FloatGraph, plans: dict[int, RecurrentPlan], ranges: dict[int, np.ndarray]
) -> dict[int, Quantization]:
    """Turns ranges into quantization, where the op's rule does not fix it."""
    table = {graph.inputs["x"]: affine(ranges[graph.inputs["x"]])}
    for position, op in enumerate(graph.operators):
        if position in plans:
            table[op.outputs[0]] = plans[position].output
            continue
        rule = rule_of(graph, op)
        for index in op.outputs:
            if graph.tensors[index].dtype != np.float32:
                raise ExportError(
                    f"op {op.code} makes {graph.tensors[index].name!r} of type "
                    f"{graph.tensors[index].dtype}, expected float32: it cannot be quantized"
                )
            if rule.same_scale:
                table[index] = table[op.inputs[0]]
            else:
                table[index] = rule.output or affine(ranges[index])
    return table
