"""What an export's report shows beyond agreement: where error enters, drift, other runtimes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tfpipeline.export.calibrate.float_runner import float_runner
from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.forms import Form
from tfpipeline.export.graph.markers import MarkedLayer
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.against_keras import Reference
from tfpipeline.export.verify.drift import LENGTHS, Drift, long_stream, measure_drifts
from tfpipeline.export.verify.layer_errors import MOST_SAMPLES, LayerError, cumulative_errors
from tfpipeline.export.verify.problems import Problem
from tfpipeline.export.verify.relative_error import relative_errors
from tfpipeline.export.verify.runtimes import RuntimeReport, across_runtimes
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.export.write.model_file import Written
from tfpipeline.export.write.write_file import write_file
from tfpipeline.progress import progress
from tfpipeline.runtime import Interpreter

_PORTABLE = Form(fused=False, streaming=False)
_STREAM = Form(fused=False, streaming=True)


@dataclass(frozen=True)
class Model:
    """A converted and calibrated model, held-out inputs to try it on, and what it puts out."""

    signature: ModelSignature
    converted: Converted
    table: QuantizationTable
    options: ExportOptions
    held_out: Samples
    scores: Mapping[str, Scores]

    def few(self) -> Samples:
        return {name: values[:MOST_SAMPLES] for name, values in self.held_out.items()}

    def write(self, form: Form, modes: ModeTable, *, correct_bias: bool = False) -> Written:
        """The model in other modes, with float inputs and outputs."""
        options = self.options.for_trial(modes, correct_bias)
        card = {"labels": None}
        return write_file(self.signature, self.converted, self.table, (form,), options, card)


def layer_errors(model: Model, work: Path, alone: bool) -> tuple[LayerError, ...]:
    """The table of layers; with `alone` also what rounding each of them alone costs."""
    options, converted, few = model.options, model.converted, model.few()
    reference = float_runner(converted.data, converted.whole, converted.marked.marked, few)
    written = model.write(_PORTABLE, options.modes, correct_bias=options.correct_bias)
    errors = cumulative_errors(
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


def _outputs(model: Model, modes: ModeTable, work: Path) -> Samples:
    path = work / "alone.tflite"
    path.write_bytes(model.write(_PORTABLE, modes).data)
    found = Interpreter(path).predict(model.few())
    return found if isinstance(found, dict) else {model.signature.outputs[0].name: found}


def _worst(model: Model, found: Samples, expected: Samples) -> float:
    scales = Reference({}, expected, model.scores, model.signature.timed_outputs).scales()
    return max(
        relative_errors(found[name], values, scales[name]).channel
        for name, values in expected.items()
    )


def drift(model: Model, files: Mapping[Form, Path], work: Path) -> dict[str, Drift]:
    """Every streaming form against a float32 stream, over ten training lengths."""
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
    return measure_drifts(paths, reference, stream, window, comparable)


def problems_of_drift(found: Mapping[str, Drift], tolerances: Tolerances) -> list[Problem]:
    """Streams whose error grows by more than the tolerances allow."""
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


def runtimes(files: Mapping[Form, Path], samples: Samples) -> dict[str, tuple[RuntimeReport, ...]]:
    """Every whole-sequence form in the other runtimes that are installed."""
    return {
        form.name: across_runtimes(path, samples)
        for form, path in files.items()
        if not form.streaming
    }
