"""Compares the integers of a C header with Keras: on samples, on a stream, and what is detected."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from tfpipeline.detection import Detector
from tfpipeline.detection.units import LOGITS
from tfpipeline.export.recurrent.gate_names import gate_function
from tfpipeline.export.samples.sets import SampleSets
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.header_layers import HeaderLayers
from tfpipeline.export.trace.predictions import predict
from tfpipeline.export.verify.against_keras import Reference, compare
from tfpipeline.export.verify.drift import LENGTHS, WINDOWS, Drift, drift_of, long_stream
from tfpipeline.export.verify.form_report import DetectorReport, FormReport
from tfpipeline.export.verify.paired_streams import Trace
from tfpipeline.export.verify.score_kinds import scores_of_outputs
from tfpipeline.export.verify.telling_samples import check_telling
from tfpipeline.microcontroller import IntegerModel
from tfpipeline.microcontroller.header import flash_bytes
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_float import sequence_float

FORM = "C header"
_DETECTOR_SAMPLES = 100


class HeaderCheck:
    """The integers of a header and its Keras model, side by side.

    Args:
        model: the Keras model.
        signature: its inputs and outputs.
        layers: what it computes.
        integers: the header's.
        data: samples.
        tolerances: what to accept.
        labels: names of the classes.
    """

    def __init__(
        self,
        model: keras.Model,
        signature: ModelSignature,
        layers: HeaderLayers,
        integers: IntegerModel,
        data: SampleSets,
        tolerances: Tolerances,
        labels: Sequence[str] | None,
    ) -> None:
        self._layers, self._integers, self._tolerances = layers, integers, tolerances
        ((self._input, self._values),) = data.held_out.items()
        expected = predict(model, signature, data.held_out)
        check_telling(data.held_out, expected, tolerances, data.held_out_are)
        scores = scores_of_outputs(model, signature, labels, expected)
        self._reference = Reference(data.held_out, expected, scores, signature.timed_outputs)
        ((self._output, self._scores_are),) = scores.items()

    def form(self, path: Path) -> FormReport:
        """Return how far the header is from Keras; `path` is where it goes."""
        states = self._integers.states(self._values)
        if not self._layers.step.return_sequences:
            states = states[:, -1]
        found = self._layers.activated(self._integers.outputs(states)).astype(np.float32)
        size, given = flash_bytes(self._integers), {self._output: found}
        return compare(FORM, path, size, given, self._reference, self._tolerances)

    def drift(self) -> Drift:
        """Measure what a past of ten samples adds to the error, in outputs and states."""
        window = self._values.shape[1]
        samples = {self._input: self._values}
        stream = long_stream(samples, {self._input}, LENGTHS * window)[self._input]
        windows = stream.reshape(LENGTHS, window, -1)[-WINDOWS:]
        long, fresh = self._traces(stream[None])[0], self._traces(windows)
        comparable = {self._output: self._scores_are.comparable}
        return drift_of(len(stream), window, long, fresh, comparable)

    def found(self, detector: Detector) -> DetectorReport:
        """Compare what is found in the first samples, as one stream after another."""
        some = self._values[:_DETECTOR_SAMPLES]
        stream = some.reshape(1, -1, some.shape[-1])
        ours = self._integers.detector
        assert ours is not None
        ours.reset()
        integers = self._integers.scores(self._integers.states(stream))[0]
        labels = ours.process(integers)
        found = [(i, detector.labels[k]) for i, k in enumerate(labels) if k >= 0]
        scores = self._scores(self._float_states(stream))[0]
        if detector.scores != LOGITS:
            scores = self._layers.activated(scores)
        # The user's own may be in the midst of a stream.
        detector = copy.deepcopy(detector)
        detector.reset()
        expected = [(one.frame, one.label) for one in detector.process(scores)]
        left, same = list(expected), 0
        for frame, label in found:
            near = [one for one in left if one[1] == label and abs(one[0] - frame) <= ours.window]
            if near:
                left.remove(near[0])
                same += 1
        return DetectorReport(len(expected), len(found), same)

    def _traces(self, values: np.ndarray) -> list[Trace]:
        """Run streams `(streams, time, features)` from fresh states."""
        integers, floats = self._integers.states(values), self._float_states(values)
        ours = self._layers.activated(self._integers.outputs(integers))
        exact = self._layers.activated(self._scores(floats))
        states = self._integers.cell.to_float(integers)
        traces = []
        for row in range(len(values)):
            trace = Trace()
            for t in range(values.shape[1]):
                trace.add_outputs({self._output: ours[row, t]}, {self._output: exact[row, t]})
                trace.add_states({"h": states[row, t]}, {"h": floats[row, t]})
            traces.append(trace)
        return traces

    def _float_states(self, values: np.ndarray) -> np.ndarray:
        step, normalization = self._layers.step, self._layers.normalization
        x = np.asarray(values, np.float32)
        if normalization is not None:
            x = (x - normalization[0]) / normalization[1]
        cell, gate = CELLS[step.cell], step.recurrent_activation or "sigmoid"
        states, _, _ = sequence_float(
            cell,
            x,
            None,
            step.kernel,
            step.recurrent_kernel,
            step.bias,
            parameters=[float(str(step.attributes[name])) for name in cell.parameters],
            activation=gate_function(step.activation),
            recurrent_activation=gate_function(gate),
            dtype=np.float32,
        )
        return states

    def _scores(self, states: np.ndarray) -> np.ndarray:
        classifier = self._layers.classifier
        return states if classifier is None else states @ classifier.kernel + classifier.bias
