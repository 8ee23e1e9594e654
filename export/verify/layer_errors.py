"""Where error enters: every layer of an exported file against the float model.

Two questions, two columns. *How far off is this layer's output by now?* compares a layer's output
in the file with that of the float model, on the same input of the model. *What does rounding this
layer alone cost?* writes the model in float32 but for one layer, and compares the model's outputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export.calibrate.float_runner import FloatRunner, float_runner
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.op_layers import layer_of_op
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.verify.against_keras import Reference
from tfpipeline.export.verify.converted_model import ConvertedModel
from tfpipeline.export.verify.relative_error import relative_error, relative_errors
from tfpipeline.export.write.model_file import Written
from tfpipeline.progress import progress
from tfpipeline.runtime import Interpreter as FileInterpreter


@dataclass(frozen=True)
class LayerError:
    """A layer's part in the error of an exported model.

    Args:
        layer: Its name.
        relative_error: Of its output in the portable form, over all channels, with everything
            before it quantized too (`relative_error.py`).
        alone: That of the model's worst channel when this layer alone is quantized; None where that
            was not asked for.
    """

    layer: str
    relative_error: float
    alone: float | None = None


_PORTABLE = Form(fused=False, streaming=False)


def layer_errors(model: ConvertedModel, work: Path, alone: bool) -> tuple[LayerError, ...]:
    """Measure the error of every layer; with `alone` also what rounding only that layer costs."""
    options, converted, few = model.options, model.converted, model.few()
    reference = float_runner(converted.data, converted.whole, converted.marked.marked, few)
    written = model.write(_PORTABLE, options.modes, correct_bias=options.correct_bias)
    errors = _cumulative_errors(
        converted.whole, reference, written, model.signature, few, converted.marked.layer_of
    )
    if not alone:
        return tuple(errors)
    names = [name for name in converted.marked.layer_names]
    exact = _outputs(model, ModeTable("float32", {}, names), work)
    costs = {}
    with progress("Rounding one layer at a time", len(errors)) as bar:
        for error in errors:
            mode = options.modes.name_of(error.layer)
            modes = ModeTable("float32", {error.layer: mode}, names)
            costs[error.layer] = _worst(model, _outputs(model, modes, work), exact)
            bar.advance()
    return tuple(replace(error, alone=costs[error.layer]) for error in errors)


def _cumulative_errors(
    graph: FloatGraph,
    reference: FloatRunner,
    written: Written,
    signature: ModelSignature,
    samples: Samples,
    layer_of: Callable[[str], str | None],
) -> list[LayerError]:
    """Return the error of each layer's last output, in the order in which layers are computed."""
    outputs: dict[str, int] = {}
    for op in graph.operators:
        index = op.outputs[0]
        layer = written.marked_outputs.get(index) or layer_of_op(graph, op, layer_of)
        if index in written.tensor_indices and graph.tensors[index].dtype == np.float32 and layer:
            outputs.pop(layer, None)
            outputs[layer] = index
    runner = _Runner(written.data)
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {layer: [] for layer in outputs}
    for sample in range(reference.samples):
        reference.run(sample)
        runner.run({name: array[sample : sample + 1] for name, array in samples.items()})
        for layer, index in outputs.items():
            expected = reference.value(index).astype(np.float64)
            found = runner.value(written.tensor_indices[index]).reshape(expected.shape)
            pairs[layer].append((found, expected))
    return [
        LayerError(layer, relative_error(*map(np.concatenate, zip(*pairs[layer], strict=True))))
        for layer in outputs
    ]


def _outputs(model: ConvertedModel, modes: ModeTable, work: Path) -> Samples:
    path = work / "alone.tflite"
    path.write_bytes(model.write(_PORTABLE, modes).data)
    found = FileInterpreter(path).predict(model.few())
    return found if isinstance(found, dict) else {model.signature.outputs[0].name: found}


def _worst(model: ConvertedModel, found: Samples, expected: Samples) -> float:
    scales = Reference({}, expected, model.scores, model.signature.timed_outputs).scales()
    return max(
        relative_errors(found[name], values, scales[name]).channel
        for name, values in expected.items()
    )


class _Runner:
    """An exported file with every tensor of its main graph kept."""

    def __init__(self, data: bytes) -> None:
        with warnings.catch_warnings():
            # It warns that keeping all tensors costs memory; keeping them is the purpose here.
            warnings.simplefilter("ignore")
            self._interpreter = Interpreter(
                model_content=data,
                experimental_preserve_all_tensors=True,
                # A delegate would keep what lies between its ops to itself.
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
        self._interpreter.allocate_tensors()
        self._inputs = {d["name"]: d for d in self._interpreter.get_input_details()}
        self._details = {d["index"]: d for d in self._interpreter.get_tensor_details()}

    def run(self, sample: Samples) -> None:
        for name, value in sample.items():
            details = self._inputs[name]
            self._interpreter.set_tensor(details["index"], _quantized(value, details))
        self._interpreter.invoke()

    def value(self, index: int) -> np.ndarray:
        """Return a tensor as real numbers."""
        found = self._interpreter.get_tensor(index).astype(np.float64)
        scale, zero_point = self._details[index]["quantization"]
        return found if not scale else (found - zero_point) * scale


def _quantized(value: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    scale, zero_point = details["quantization"]
    dtype = np.dtype(details["dtype"])
    if not scale:
        return value.astype(dtype)
    limits = np.iinfo(dtype)
    levels = np.rint(value / np.float32(scale)) + zero_point
    return np.clip(levels, limits.min, limits.max).astype(dtype)
